import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { DEFAULT_OPTIONS, type EngineOptions } from '#config/options/options.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import { type PlayedDomain, ScriptedLibvirtd } from '#test/world/scripted-libvirtd.ts';
import type { Monitor, MonitorContext } from '../service/monitor.ts';
import { create } from './monitor.ts';
import { bodyOf } from './watch.ts';

const CONNECTED = readFileSync(new URL('../../test/fixtures/guest/agent-connected.xml', import.meta.url), 'utf8');
const SILENT = { code: 86, message: 'Guest agent is not responding: Guest agent not available for now' };
const LONG = { timeout: 20_000, interval: 10 };

function domain(number: number, other: Partial<PlayedDomain> = {}): PlayedDomain {
  return {
    name: `instance-${number}`,
    uuid: `11111111-0000-4000-8000-${String(number).padStart(12, '0')}`,
    id: number,
    xml: CONNECTED,
    state: 1,
    control: [0, 0],
    agent: 'answers',
    qemu: 'answers',
    ...other,
  };
}

function options(socket: string, other: Partial<EngineOptions['guestMonitor']> = {}): EngineOptions {
  const guestMonitor = { ...DEFAULT_OPTIONS.guestMonitor, guestMonitoringIntervalMs: 20, libvirtSocket: socket };
  return { ...DEFAULT_OPTIONS, guestMonitor: { ...guestMonitor, ...other } };
}

class Run implements AsyncDisposable {
  readonly reports: NotificationBody[] = [];
  readonly blindness: string[] = [];
  readonly lines: string[] = [];
  rounds = 0;
  readonly #end = new AbortController();
  readonly #ended: Promise<void>;

  constructor(monitor: Monitor) {
    const context: MonitorContext = {
      node: 'n1',
      log: (level, message, fields) => this.lines.push(`${level} ${message} ${JSON.stringify(fields)}`),
      signal: this.#end.signal,
      report: async (body) => void this.reports.push(body),
      queryInstance: async () => undefined,
      seen: () => {
        this.rounds += 1;
      },
      blind: (reason) => void this.blindness.push(reason),
    };
    this.#ended = monitor.run(context);
  }

  async until(condition: () => boolean): Promise<void> {
    await vi.waitFor(() => {
      if (!condition()) throw new Error(`not yet; rounds ${this.rounds}, log: ${this.lines.join('; ')}`);
    }, LONG);
  }

  /** So many whole rounds from now. */
  async more(rounds: number): Promise<void> {
    const end = this.rounds + rounds + 1;
    await this.until(() => this.rounds >= end);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#ended;
  }
}

describe('one poll', () => {
  test('returns the state of every guest', async () => {
    await using libvirtd = await ScriptedLibvirtd.start();
    const closed = CONNECTED.replace("state='connected'", "state='disconnected'");
    const withoutChannel = CONNECTED.replace("name='org.qemu.guest_agent.0'", "name='com.example.0'");
    libvirtd.domains.push(
      domain(1),
      domain(2, { agent: SILENT }),
      domain(3, { xml: closed }),
      domain(4, { xml: withoutChannel }),
      domain(5, { state: 3 }),
      domain(6, { control: [1, 0] }),
      domain(7, { agent: { code: 68, message: 'cannot acquire state change lock' } }),
      domain(8, { control: [2, 70_000] }),
      domain(9, { xml: '<domain><name>of another program</name></domain>' }),
      domain(10, { xml: 'no XML' }),
    );
    const monitor = await create(options(libvirtd.path), 'n1');
    const observations = await monitor.poll(AbortSignal.timeout(20_000));
    const states = observations.map(({ subject, state }) => [Number(subject.slice(-12)), state]);
    expect(states.sort(([a], [b]) => Number(a) - Number(b))).toEqual([
      [1, 'answered'],
      [2, 'silent'],
      [3, 'disconnected'],
      [4, 'not queried'],
      [5, 'held'],
      [6, 'held'],
      [7, 'unknown'],
      [8, 'hung'],
      [10, 'unknown'],
    ]);
  });

  test('queries only the instances that the options select', async () => {
    await using libvirtd = await ScriptedLibvirtd.start();
    libvirtd.domains.push(domain(1), domain(2));
    const monitor = await create(options(libvirtd.path, { guests: `uuid:${domain(2).uuid}` }), 'n1');
    const observations = await monitor.poll(AbortSignal.timeout(20_000));
    expect(observations.map(({ state }) => state).sort()).toEqual(['answered', 'not queried']);
  });

  test('fails if libvirt cannot be reached or requires a password', async () => {
    await using libvirtd = await ScriptedLibvirtd.start();
    const nowhere = await create(options(join(libvirtd.path, 'nowhere')), 'n1');
    await expect(nowhere.poll(AbortSignal.timeout(20_000))).rejects.toThrow(/cannot be reached/);
    libvirtd.authentication = [2];
    const unwanted = await create(options(libvirtd.path), 'n1');
    await expect(unwanted.poll(AbortSignal.timeout(20_000))).rejects.toThrow(/as root/);
  });
});

describe('the running monitor', () => {
  test('reports a guest that stops responding, once, and no other', async () => {
    await using libvirtd = await ScriptedLibvirtd.start();
    const failing = domain(1);
    libvirtd.domains.push(failing, domain(2), domain(3, { agent: SILENT }));
    await using run = new Run(await create(options(libvirtd.path), 'n1'));
    await run.more(1);
    failing.agent = SILENT;
    await run.until(() => run.reports.length > 0);
    await run.more(5);
    expect(run.reports).toHaveLength(1);
    expect(run.reports[0]?.notification).toMatchObject({ type: 'VM', hostname: 'n1' });
    expect(run.reports[0]?.notification.payload).toMatchObject({ instance_uuid: failing.uuid });
  });

  test('reports that it is blind while libvirt is down, counts nothing meanwhile, and recovers', async () => {
    await using libvirtd = await ScriptedLibvirtd.start();
    libvirtd.domains.push(domain(1));
    await using run = new Run(await create(options(libvirtd.path), 'n1'));
    await run.more(1);
    libvirtd.authentication = [2];
    libvirtd.dropConnections();
    await run.until(() => run.blindness.length > 5);
    libvirtd.authentication = [0];
    await run.more(2);
    expect(run.reports).toEqual([]);
    expect(run.lines.join()).not.toContain('does not respond');
  });

  test.each([
    ['a message without an end', Buffer.from([0x7f, 0xff, 0xff, 0xff])],
    ['a message shorter than its head', Buffer.from([0, 0, 0, 3, 1, 2, 3])],
  ])('reconnects after %s', async (_, bytes) => {
    await using libvirtd = await ScriptedLibvirtd.start();
    libvirtd.domains.push(domain(1));
    await using run = new Run(await create(options(libvirtd.path), 'n1'));
    await run.more(1);
    libvirtd.sendAll(bytes);
    await run.more(3);
    expect(run.reports).toEqual([]);
  });

  test('queries at most three QEMUs that do not respond, and still reads the other guests', async () => {
    await using libvirtd = await ScriptedLibvirtd.start();
    for (let number = 1; number <= 8; number += 1) libvirtd.domains.push(domain(number, { qemu: 'nothing' }));
    await using run = new Run(await create(options(libvirtd.path), 'n1'));
    await run.more(4);
    expect(libvirtd.probes).toBe(3);
    expect(run.lines.filter((line) => line.includes('a guest responds'))).toHaveLength(8);
  });

  test('closes all connections when it ends, also one with an unanswered request', async () => {
    await using libvirtd = await ScriptedLibvirtd.start();
    libvirtd.domains.push(domain(1, { qemu: 'nothing' }));
    {
      await using run = new Run(await create(options(libvirtd.path), 'n1'));
      await run.more(1);
      expect(libvirtd.connections).toBe(3);
    }
    await vi.waitUntil(() => libvirtd.connections === 0, LONG);
  });

  test('queries no QEMU if hangs are ignored', async () => {
    await using libvirtd = await ScriptedLibvirtd.start();
    libvirtd.domains.push(domain(1, { control: [2, 900_000] }));
    await using run = new Run(await create(options(libvirtd.path, { hungQemu: 'ignore' }), 'n1'));
    await run.more(2);
    expect(libvirtd.probes).toBe(0);
    expect(run.lines.join()).not.toContain('QEMU does not respond');
  });

  test('applies changed options, keeps its state, and refuses invalid options', async () => {
    await using libvirtd = await ScriptedLibvirtd.start();
    const failing = domain(1);
    libvirtd.domains.push(failing);
    const monitor = await create(options(libvirtd.path, { guestMonitoringFailureThreshold: 1000 }), 'n1');
    await using run = new Run(monitor);
    await run.more(1);
    failing.agent = SILENT;
    await run.more(5);
    await expect(monitor.reload(options(libvirtd.path, { guests: 'extra_spec:ha' }))).rejects.toThrow(/NAME=VALUE/);
    await run.more(1);
    expect(run.reports).toEqual([]);
    await monitor.reload(options(libvirtd.path, { guestMonitoringFailureThreshold: 3 }));
    await run.until(() => run.reports.length === 1);
  });

  test('that does not run detects for a report of another monitor that the guest responds again', async () => {
    await using libvirtd = await ScriptedLibvirtd.start();
    const failing = domain(1);
    libvirtd.domains.push(failing);
    const monitor = await create(options(libvirtd.path), 'n1');
    const report = bodyOf('n1', failing.uuid, new Date());
    expect(await monitor.recheck(report)).toBe('over');
    failing.agent = SILENT;
    expect(await monitor.recheck(report)).toBe('unknown');
  });

  test('rechecks its own report', async () => {
    await using libvirtd = await ScriptedLibvirtd.start();
    const failing = domain(1);
    libvirtd.domains.push(failing);
    const monitor = await create(options(libvirtd.path), 'n1');
    await using run = new Run(monitor);
    await run.more(1);
    failing.agent = SILENT;
    await run.until(() => run.reports.length === 1);
    const [report] = run.reports;
    if (report === undefined) throw new Error('no report');
    expect(await monitor.recheck(report)).toBe('still');
    failing.agent = 'answers';
    expect(await monitor.recheck(report)).toBe('over');
    libvirtd.authentication = [2];
    expect(await monitor.recheck(report)).toBe('unknown');
  });
});
