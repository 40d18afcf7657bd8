import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { DEFAULT_OPTIONS, type EngineOptions } from '#config/options/options.ts';
import { create } from '#monitors/guest/monitor.ts';
import type { MonitorContext } from '#monitors/service/monitor.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import { waitUntil } from '../waiting.ts';
import { AgentLab, UUID } from './agent_lab.ts';
import { installPackages } from './install.ts';

let lab: AgentLab;

beforeAll(async () => {
  await installPackages();
  lab = await AgentLab.start();
});

afterAll(async () => {
  await lab?.[Symbol.asyncDispose]();
});

function options(other: Partial<EngineOptions['guestMonitor']> = {}): EngineOptions {
  const guestMonitor = {
    ...DEFAULT_OPTIONS.guestMonitor,
    guestMonitoringIntervalMs: 500,
    guestMonitoringTimeoutMs: 1000,
    libvirtSocket: lab.socket,
  };
  return { ...DEFAULT_OPTIONS, guestMonitor: { ...guestMonitor, ...other } };
}

async function state(): Promise<string | undefined> {
  const monitor = await create(options(), 'n1');
  const observations = await monitor.poll(AbortSignal.timeout(60_000));
  return observations.find(({ subject }) => subject === UUID)?.state;
}

const untilState = (wanted: string) =>
  waitUntil({ what: `the guest to be seen as ${wanted}`, seconds: 180 }, async () =>
    (await state()) === wanted ? true : undefined,
  );

beforeEach(() => untilState('answered'));

class Run implements AsyncDisposable {
  readonly reports: NotificationBody[] = [];
  readonly lines: string[] = [];
  rounds = 0;
  readonly #end = new AbortController();
  readonly #ended: Promise<void>;

  static async start(other: Partial<EngineOptions['guestMonitor']> = {}): Promise<Run> {
    const run = new Run(await create(options(other), 'n1'));
    await run.untilLine('a guest responds', 1);
    return run;
  }

  private constructor(monitor: Awaited<ReturnType<typeof create>>) {
    const context: MonitorContext = {
      node: 'n1',
      log: (_, message) => void this.lines.push(message),
      signal: this.#end.signal,
      report: async (body) => void this.reports.push(body),
      queryInstance: async () => undefined,
      seen: () => {
        this.rounds += 1;
      },
      blind: (reason) => void this.lines.push(`blind: ${reason}`),
    };
    this.#ended = monitor.run(context);
  }

  async untilLine(text: string, times: number): Promise<void> {
    await this.until(`the log to contain "${text}"`, () => this.count(text) >= times);
  }

  count(text: string): number {
    return this.lines.filter((line) => line.startsWith(text)).length;
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    await waitUntil({ what, seconds: 180 }, () => condition() || undefined);
  }

  async more(rounds: number): Promise<void> {
    const end = this.rounds + rounds;
    await this.until(`${rounds} more rounds`, () => this.rounds >= end);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#ended;
  }
}

test('an agent that hangs in its guest is reported once, and detected when it continues', async () => {
  await using run = await Run.start();
  await lab.type('s');
  const started = performance.now();
  await run.until('a report', () => run.reports.length > 0);
  console.info(`agent stopped → report: ${Math.round(performance.now() - started)} ms, 4 pings 0.5 s apart`);
  await run.more(3);
  await lab.type('c');
  await run.untilLine('a guest responds again', 1);
  expect(run.reports.map(({ notification }) => notification)).toEqual([
    {
      type: 'VM',
      hostname: 'n1',
      generated_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/),
      payload: { event: 'QEMU_GUEST_AGENT_ERROR', instance_uuid: UUID, vir_domain_event: 'STOPPED_FAILED' },
    },
  ]);
});

test('a guest that reboots is waited for, and nothing is reported', async () => {
  await using run = await Run.start();
  await lab.type('r');
  await run.untilLine('waiting for a guest agent', 1);
  await run.untilLine('a guest responds', 2);
  expect(run.reports).toEqual([]);
});

test('an agent that ends in its guest is no failure of the guest', async () => {
  await using run = await Run.start();
  await lab.type('k');
  await run.untilLine('waiting for a guest agent', 1);
  await run.more(8);
  await lab.type('b');
  await run.untilLine('a guest responds', 2);
  expect(run.reports).toEqual([]);
});

test('a paused guest is no failure', async () => {
  await using run = await Run.start();
  await lab.onInstance('suspend');
  try {
    await run.more(8);
    expect(await state()).toBe('held');
  } finally {
    await lab.onInstance('resume');
  }
  await run.more(2);
  expect(run.reports).toEqual([]);
});

test('a QEMU that is stopped is detected and reported once if the policy requires it, and detected when it continues', async () => {
  await using run = await Run.start({
    hungQemu: 'report',
    hungQemuAfterMs: 5000,
    guestMonitoringFailureThreshold: 1000,
  });
  await lab.signalQemu('SIGSTOP');
  try {
    await run.until('a report', () => run.reports.length > 0);
    await run.more(3);
  } finally {
    await lab.signalQemu('SIGCONT');
  }
  await run.untilLine('a QEMU responds to libvirt again', 1);
  await run.untilLine('a guest responds', 1);
  expect(run.reports).toHaveLength(1);
  expect(run.count('a QEMU does not respond to libvirt')).toBe(1);
});

/** Why agents are reached through libvirt. */
test('the agent’s socket responds only to libvirt', async () => {
  const socket = connect({ path: await lab.agentSocket() });
  try {
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    let received = 0;
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    socket.write('\xff{"execute":"guest-sync-delimited","arguments":{"id":5}}\n', 'latin1');
    await lab.onInstance('domtime');
    await untilState('answered');
    expect(received).toBe(0);
  } finally {
    socket.destroy();
  }
});
