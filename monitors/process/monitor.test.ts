import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DEFAULT_OPTIONS, type EngineOptions } from '#config/options/options.ts';
import { type NotificationBody, parseNotification } from '#protocol/notification.ts';
import type { Monitor, MonitorContext } from '../service/monitor.ts';
import { create, createWith } from './monitor.ts';
import { NoProcessTable, readProcessTable } from './process-table.ts';

const TIMEOUT = { timeout: 25_000, interval: 20 };
const AS_ROOT = process.getuid?.() === 0;

let directory = '';
let pids: number[] = [];
let children: ChildProcess[] = [];
let monitors: Watching[] = [];

/** A running monitor, its reports and its log. */
class Watching {
  readonly monitor: Monitor;
  readonly reports: NotificationBody[] = [];
  readonly log: string[] = [];
  readonly #ended = new AbortController();
  readonly #done: Promise<void>;
  sights = 0;
  blindness: string[] = [];
  /** `report` waits for it. */
  outbox: () => Promise<void> = async () => {};

  constructor(monitor: Monitor) {
    this.monitor = monitor;
    const context: MonitorContext = {
      node: 'compute-1',
      signal: this.#ended.signal,
      log: (level, message, fields) => this.log.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`),
      report: async (body) => {
        this.reports.push(body);
        await this.outbox();
      },
      queryInstance: async () => undefined,
      seen: () => {
        this.sights += 1;
      },
      blind: (reason) => this.blindness.push(reason),
    };
    this.#done = monitor.run(context);
    monitors.push(this);
  }

  async end(): Promise<void> {
    this.#ended.abort();
    await this.#done;
  }
}

function optionsWith(process: Partial<EngineOptions['processMonitor']> = {}): EngineOptions {
  return {
    ...DEFAULT_OPTIONS,
    processMonitor: {
      ...DEFAULT_OPTIONS.processMonitor,
      checkIntervalMs: 200,
      watchIntervalMs: 50,
      restartIntervalMs: 400,
      restartBackoff: 1,
      restartDelayMs: 100,
      processListPath: path('list.yaml'),
      stateFile: path('state/process-monitor.json'),
      pauseFile: path('pause'),
      ...process,
    },
  };
}

const path = (name: string) => join(directory, name);

/** Records in `calls` that it ran. With a body it runs that as well. */
function script(name: string, body = ''): string {
  writeFileSync(path(name), `#!/bin/sh\necho ${name} >> ${path('calls')}\n${body}\n`);
  chmodSync(path(name), 0o755);
  return path(name);
}

/** A script that starts a daemon with `name` in its command line, and writes its pid to a file. */
function starter(name: string, daemon: string): string {
  const program = `${process.execPath} -e 'setInterval(() => {}, 1e6)' ${daemon}`;
  return script(name, `setsid ${program} < /dev/null > /dev/null 2>&1 & echo $! >> ${path('pids')}`);
}

function calls(): readonly string[] {
  return existsSync(path('calls')) ? readFileSync(path('calls'), 'utf8').trim().split('\n') : [];
}

/** The pids of the daemons that the scripts have started. */
function daemons(): readonly number[] {
  return existsSync(path('pids')) ? readFileSync(path('pids'), 'utf8').trim().split('\n').map(Number) : [];
}

function writeList(...entries: readonly Readonly<Record<string, string | boolean>>[]): void {
  const whole = entries.map((entry) => ('systemd_unit' in entry ? entry : { run_as_root: AS_ROOT, ...entry }));
  writeFileSync(path('list.yaml'), JSON.stringify(whole), { mode: 0o600 });
}

async function idle(name: string): Promise<number> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6); console.log("up")', name], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(child);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return child.pid ?? 0;
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'process-monitor-'));
});

afterEach(async () => {
  await Promise.all(monitors.map((one) => one.end()));
  pids.push(...daemons());
  for (const child of children) child.kill('SIGKILL');
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It is dead already.
    }
  }
  [pids, children, monitors] = [[], [], []];
  rmSync(directory, { recursive: true, force: true });
});

describe('a process of the list', () => {
  test('that is not running is started once, with the commands before and after', async () => {
    const name = `${path('bin')}/first-start`;
    writeList({
      process_name: name,
      pre_start_command: script('before'),
      start_command: starter('start', name),
      post_start_command: script('after'),
      restart_command: script('restart'),
    });
    const watching = new Watching(await create(optionsWith({ restartIntervalMs: 5000 }), 'compute-1'));
    await vi.waitFor(() => expect(calls()).toEqual(['before', 'start', 'after']), TIMEOUT);
    await vi.waitFor(async () => {
      expect(await watching.monitor.poll(AbortSignal.timeout(20_000))).toEqual([
        { subject: name, state: 'up', detail: `pid ${daemons().join()}` },
      ]);
    }, TIMEOUT);
    expect(watching.reports).toEqual([]);
  });

  test('that runs already is not changed', async () => {
    const name = 'runs-already';
    const pid = await idle(name);
    writeList({ process_name: name, start_command: script('start'), restart_command: script('restart') });
    const watching = new Watching(await create(optionsWith(), 'compute-1'));
    await vi.waitFor(() => expect(watching.sights).toBeGreaterThan(10), TIMEOUT);
    expect(calls()).toEqual([]);
    expect(process.kill(pid, 0)).toBe(true);
  });

  test('that is killed is restarted, and nothing is reported', async () => {
    const name = 'killed-once';
    const pid = await idle(name);
    writeList({ process_name: name, restart_command: starter('restart', name) });
    const watching = new Watching(await create(optionsWith({ restartIntervalMs: 5000 }), 'compute-1'));
    await vi.waitFor(() => expect(watching.sights).toBeGreaterThan(0), TIMEOUT);
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(() => expect(daemons()).toHaveLength(1), TIMEOUT);
    const seen = watching.sights;
    await vi.waitFor(() => expect(watching.sights).toBeGreaterThan(seen + 20), TIMEOUT);
    expect(calls()).toEqual(['restart']);
    expect(watching.reports).toEqual([]);
    expect(watching.log.join('\n')).toContain('a watched process has died');
  });

  test('with one surviving worker is not restarted', async () => {
    const name = 'two-workers';
    const first = await idle(name);
    await idle(name);
    writeList({ process_name: name, restart_command: script('restart') });
    const watching = new Watching(await create(optionsWith({ restartDelayMs: 0 }), 'compute-1'));
    await vi.waitFor(() => expect(watching.sights).toBeGreaterThan(0), TIMEOUT);
    process.kill(first, 'SIGKILL');
    await vi.waitFor(() => expect(watching.log.join('\n')).toContain('"left":1'), TIMEOUT);
    const seen = watching.sights;
    await vi.waitFor(() => expect(watching.sights).toBeGreaterThan(seen + 10), TIMEOUT);
    expect(calls()).toEqual([]);
  });

  test('that another program restarts within the delay is not restarted', async () => {
    const name = 'brought-back';
    const pid = await idle(name);
    writeList({ process_name: name, restart_command: script('restart') });
    const watching = new Watching(await create(optionsWith({ restartDelayMs: 20_000 }), 'compute-1'));
    await vi.waitFor(() => expect(watching.sights).toBeGreaterThan(0), TIMEOUT);
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(() => expect(watching.log.join('\n')).toContain('a watched process has died'), TIMEOUT);
    const again = await idle(name);
    await vi.waitFor(async () => {
      const [observation] = await watching.monitor.poll(AbortSignal.timeout(20_000));
      expect(observation?.detail).toBe(`pid ${again}`);
    }, TIMEOUT);
    expect(calls()).toEqual([]);
  });

  test('that became another program is down although its pid lives', async () => {
    const name = 'becomes-another';
    const child = spawn('sh', ['-c', `read line; exec sleep 1000`, name], { stdio: ['pipe', 'ignore', 'ignore'] });
    children.push(child);
    writeList({ process_name: name, restart_command: starter('restart', name) });
    const watching = new Watching(await create(optionsWith({ restartIntervalMs: 5000 }), 'compute-1'));
    await vi.waitFor(() => expect(watching.sights).toBeGreaterThan(0), TIMEOUT);
    child.stdin.end('\n');
    await vi.waitFor(() => expect(calls()).toEqual(['restart']), TIMEOUT);
  });
});

describe('a process that does not stay up', () => {
  async function reported(watching: Watching): Promise<void> {
    await vi.waitFor(() => expect(watching.reports).toHaveLength(1), TIMEOUT);
  }

  test('is restarted 1 + restart_retries times and reported once, in Masakari’s format', async () => {
    writeList({ process_name: '/usr/bin/never-there', restart_command: script('restart', 'exit 1') });
    const watching = new Watching(await create(optionsWith({ restartRetries: 2 }), 'compute-1'));
    await reported(watching);
    expect(calls()).toEqual(['restart', 'restart', 'restart']);
    const [body] = watching.reports;
    expect(parseNotification(body)).toMatchObject({
      type: 'PROCESS',
      hostname: 'compute-1',
      payload: { event: 'STOPPED', process_name: 'never-there' },
    });
    const fixture = JSON.parse(
      readFileSync(new URL('../../test/fixtures/masakari/notification-PROCESS.json', import.meta.url), 'utf8'),
    );
    const sample = fixture.notification ?? fixture;
    expect(Object.keys(body?.notification.payload ?? {}).sort()).toEqual(Object.keys(sample.payload).sort());
    const seen = watching.sights;
    await vi.waitFor(() => expect(watching.sights).toBeGreaterThan(seen + 20), TIMEOUT);
    expect(watching.reports).toHaveLength(1);
    expect(calls()).toHaveLength(3);
  });

  test('is not reported again by a monitor that starts again', async () => {
    writeList({ process_name: 'never-there', start_command: script('start'), restart_command: script('restart') });
    const first = new Watching(await create(optionsWith({ restartRetries: 0 }), 'compute-1'));
    await reported(first);
    await vi.waitFor(() => expect(readFileSync(path('state/process-monitor.json'), 'utf8')).toContain('made'), TIMEOUT);
    await first.end();
    const before = calls();
    const second = new Watching(await create(optionsWith({ restartRetries: 0 }), 'compute-1'));
    await vi.waitFor(() => expect(second.sights).toBeGreaterThan(20), TIMEOUT);
    expect(second.reports).toEqual([]);
    expect(calls()).toEqual(before);
  });

  test('is restarted and reported as for the first time when others could have written the state file', async () => {
    writeList({ process_name: path('missing'), start_command: script('start'), restart_command: script('restart') });
    const first = new Watching(await create(optionsWith({ restartRetries: 0 }), 'compute-1'));
    await reported(first);
    await first.end();
    chmodSync(path('state/process-monitor.json'), 0o666);
    const second = new Watching(await create(optionsWith({ restartRetries: 0 }), 'compute-1'));
    await reported(second);
    expect(second.log.join('\n')).toContain(`others than the owner can write to ${path('state/process-monitor.json')}`);
    await second.end();
    expect(statSync(path('state/process-monitor.json')).mode & 0o777).toBe(0o600);
  });

  test('is reported again with the same time when the first report could not be stored in the outbox', async () => {
    writeList({ process_name: 'never-there', restart_command: script('restart') });
    const first = new Watching(await create(optionsWith({ restartRetries: 0 }), 'compute-1'));
    first.outbox = async () => {
      throw new Error('the disk is full');
    };
    await vi.waitFor(() => expect(first.reports.length).toBeGreaterThan(1), TIMEOUT);
    await first.end();
    const second = new Watching(await create(optionsWith({ restartRetries: 0 }), 'compute-1'));
    await reported(second);
    for (const body of first.reports) expect(body).toEqual(second.reports[0]);
    expect(calls()).toEqual(['restart']);
  });

  test('is watched again when it was started by hand', async () => {
    const name = 'comes-back';
    writeList({ process_name: name, restart_command: script('restart') });
    const watching = new Watching(await create(optionsWith({ restartRetries: 0 }), 'compute-1'));
    await reported(watching);
    const body = watching.reports[0];
    if (body === undefined) throw new Error('nothing was reported');
    expect(await watching.monitor.recheck(body)).toBe('still');
    const pid = await idle(name);
    await vi.waitFor(() => expect(watching.log.join('\n')).toContain('is up again'), TIMEOUT);
    expect(await watching.monitor.recheck(body)).toBe('over');
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(() => expect(watching.reports).toHaveLength(2), TIMEOUT);
    expect(calls()).toEqual(['restart', 'restart']);
  });

  test('that starts each time and dies again is reported when the limit of restarts is reached', async () => {
    const name = 'dies-again';
    const restart = script(
      'restart',
      `setsid ${process.execPath} -e 'setTimeout(() => {}, 700)' ${name} < /dev/null > /dev/null 2>&1 &`,
    );
    writeList({ process_name: name, restart_command: restart });
    const options = optionsWith({ restartLimit: 3, restartRetries: 50, restartIntervalMs: 200, restartDelayMs: 0 });
    const watching = new Watching(await create(options, 'compute-1'));
    await reported(watching);
    expect(calls()).toHaveLength(3);
    expect(watching.log.join('\n')).toContain('restarted 3 times within 600 s');
  });

  test('has its command ended when that hangs, with its whole process group', async () => {
    writeList({
      process_name: 'never-there',
      restart_command: script('restart', `sleep 1000 & echo $! >> ${path('pids')}; wait`),
    });
    const watching = new Watching(await create(optionsWith({ restartRetries: 0, commandTimeoutMs: 500 }), 'compute-1'));
    await reported(watching);
    expect(watching.log.join('\n')).toContain('took longer than 0.5 s');
    const [sleeper = 0] = daemons();
    await vi.waitFor(() => expect(() => process.kill(sleeper, 0)).toThrow('ESRCH'), TIMEOUT);
  });

  test('is not confused with its own restart command', async () => {
    writeList({
      process_name: 'named-by-command',
      restart_command: `${script('restart', 'sleep 0.6')} named-by-command`,
    });
    const watching = new Watching(await create(optionsWith({ restartRetries: 1 }), 'compute-1'));
    await reported(watching);
    expect(calls()).toHaveLength(2);
  });

  test('is not changed while the pause file exists', async () => {
    writeFileSync(path('pause'), '');
    writeList({ process_name: 'never-there', start_command: script('start'), restart_command: script('restart') });
    const watching = new Watching(await create(optionsWith({ restartRetries: 0 }), 'compute-1'));
    await vi.waitFor(() => expect(watching.sights).toBeGreaterThan(20), TIMEOUT);
    expect([calls(), watching.reports]).toEqual([[], []]);
    rmSync(path('pause'));
    await reported(watching);
  });

  test.skipIf(!AS_ROOT)(
    'is restarted without the rights of root if the list requires it, and without our environment',
    async () => {
      chmodSync(directory, 0o1777);
      process.env.OS_PASSWORD = 'a secret of ours';
      try {
        const restart = script('restart', `id -u > ${path('who')}; env > ${path('environment')}`);
        writeFileSync(path('calls'), '');
        chmodSync(path('calls'), 0o666);
        writeList({ process_name: 'never-there', restart_command: restart, run_as_root: false });
        const watching = new Watching(await create(optionsWith({ restartRetries: 0, user: 'nobody' }), 'compute-1'));
        await reported(watching);
        expect(readFileSync(path('who'), 'utf8').trim()).not.toBe('0');
        expect(readFileSync(path('environment'), 'utf8')).not.toContain('OS_PASSWORD');
      } finally {
        delete process.env.OS_PASSWORD;
      }
    },
  );
});

describe('the list', () => {
  test('is read again when it changes; an invalid one changes nothing', async () => {
    await idle('in-the-first-list');
    writeList({ process_name: 'in-the-first-list', restart_command: 'true' });
    const watching = new Watching(await create(optionsWith({ restartRetries: 0 }), 'compute-1'));
    await vi.waitFor(() => expect(watching.sights).toBeGreaterThan(0), TIMEOUT);
    writeFileSync(path('list.yaml'), '- process_name: [\n');
    await vi.waitFor(() => expect(watching.log.join('\n')).toContain('is invalid; the old one stays'), TIMEOUT);
    const subjects = async () =>
      (await watching.monitor.poll(AbortSignal.timeout(20_000))).map(({ subject }) => subject);
    expect(await subjects()).toEqual(['in-the-first-list']);
    await expect(watching.monitor.reload(optionsWith())).rejects.toThrow(/list\.yaml:\d+:\d+: this is not YAML/);
    expect(await subjects()).toEqual(['in-the-first-list']);
    writeList({ process_name: 'in-the-second-list', restart_command: 'true' });
    await vi.waitFor(() => expect(watching.reports).toHaveLength(1), TIMEOUT);
    expect(watching.reports[0]?.notification.payload).toMatchObject({ process_name: 'in-the-second-list' });
  });

  test('that is missing or invalid prevents the creation of a monitor', async () => {
    await expect(create(optionsWith(), 'compute-1')).rejects.toThrow('does not exist');
    writeList({ process_name: 'x', restart_command: 'a | b' });
    await expect(create(optionsWith(), 'compute-1')).rejects.toThrow('only a shell understands');
    writeList({ process_name: 'x', restart_command: 'a' });
    await expect(create(optionsWith({ user: 'no-such-user' }), 'compute-1')).rejects.toThrow('knows no user');
  });
});

describe('a blind monitor', () => {
  test('logs it and neither restarts nor reports', async () => {
    writeList({ process_name: 'unseen', start_command: script('start'), restart_command: script('restart') });
    let sees = false;
    const readTable = () => (sees ? readProcessTable() : Promise.reject(new NoProcessTable('/proc is hidden')));
    const monitor = await createWith(optionsWith({ restartRetries: 0 }), 'compute-1', {
      systemctl: ['systemctl'],
      readTable,
    });
    const watching = new Watching(monitor);
    await vi.waitFor(() => expect(watching.blindness.length).toBeGreaterThan(3), TIMEOUT);
    expect([calls(), watching.reports, watching.sights]).toEqual([[], [], 0]);
    await expect(monitor.poll(AbortSignal.timeout(20_000))).rejects.toThrow('/proc is hidden');
    sees = true;
    await vi.waitFor(() => expect(watching.reports).toHaveLength(1), TIMEOUT);
    expect(calls()[0]).toBe('start');
  });

  test('cannot recheck the reports of other monitors', async () => {
    writeList({ process_name: 'never-there', restart_command: 'a' });
    const monitor = await create(optionsWith(), 'compute-1');
    const body = (hostname: string, process_name: string): NotificationBody => ({
      notification: {
        type: 'PROCESS',
        hostname,
        generated_time: '2026-11-21T08:00:00',
        payload: { event: 'STOPPED', process_name },
      },
    });
    expect(await monitor.recheck(body('compute-1', 'never-there'))).toBe('still');
    expect(await monitor.recheck(body('compute-2', 'never-there'))).toBe('unknown');
    expect(await monitor.recheck(body('compute-1', 'y'))).toBe('unknown');
  });
});
