/**
 * Units through the whole monitor. systemctl is a script that keeps the state of one unit in a folder and starts real
 * processes: systemd itself cannot run beside the tests.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DEFAULT_OPTIONS } from '#config/options/options.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import { createWith } from './monitor.ts';
import { readProcessTable } from './process-table.ts';

const TIMEOUT = { timeout: 25_000, interval: 20 };
const AS_ROOT = process.getuid?.() === 0;

let directory = '';
let ended = new AbortController();
let running: Promise<void> = Promise.resolve();
const path = (name: string) => join(directory, name);
const read = (name: string) => (existsSync(path(name)) ? readFileSync(path(name), 'utf8').trim() : '');

/** `state`: ActiveState and SubState and Result; `pid`: the main process, which has failed when it is gone. */
const SYSTEMCTL = `
cd "$(dirname "$0")"
if [ "$1" = show ]; then
  read active sub result < state
  pid=$(cat pid)
  if [ "$active" = active ] && ! grep -qs '^State:[[:space:]]*[^ZX]' /proc/$pid/status; then
    read active sub result < after
    echo "$active $sub $result" > state
  fi
  [ "$active" = active ] || pid=0
  printf 'Id=x.service\\nLoadState=loaded\\nActiveState=%s\\nSubState=%s\\nResult=%s\\nMainPID=%s\\nControlGroup=\\n' $active $sub $result $pid
  exit 0
fi
echo "$*" >> calls
[ "$1" = reset-failed ] && [ ! -e loaded ] && exit 1
if [ "$1" = restart ] && [ -e works ]; then
  setsid sleep 1000 < /dev/null > /dev/null 2>&1 &
  echo $! > pid
  echo active running success > state
fi
exit 0
`;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'process-units-'));
  writeFileSync(path('systemctl'), `#!/bin/sh\n${SYSTEMCTL}`);
  chmodSync(path('systemctl'), 0o755);
  writeFileSync(path('state'), 'inactive dead success\n');
  writeFileSync(path('after'), 'failed failed signal\n');
  writeFileSync(path('pid'), '0\n');
  ended = new AbortController();
});

afterEach(async () => {
  ended.abort();
  await running;
  kill();
  rmSync(directory, { recursive: true, force: true });
});

function kill(): void {
  const pid = Number(read('pid'));
  try {
    if (pid > 1) process.kill(pid, 'SIGKILL');
  } catch {
    // It is dead already.
  }
  writeFileSync(path('pid'), '0\n');
}

async function watch(entry: Readonly<Record<string, string | boolean>>) {
  writeFileSync(path('list.yaml'), JSON.stringify([entry]), { mode: 0o600 });
  const options = {
    ...DEFAULT_OPTIONS,
    processMonitor: {
      ...DEFAULT_OPTIONS.processMonitor,
      checkIntervalMs: 200,
      watchIntervalMs: 50,
      restartIntervalMs: 400,
      restartDelayMs: 0,
      restartRetries: 1,
      processListPath: path('list.yaml'),
      stateFile: path('state.json'),
      pauseFile: '',
    },
  };
  const outside = { systemctl: [path('systemctl')] as const, readTable: () => readProcessTable() };
  const monitor = await createWith(options, 'compute-1', outside);
  const received = { reports: [] as NotificationBody[], log: [] as string[], sights: 0, monitor };
  running = monitor.run({
    node: 'compute-1',
    signal: ended.signal,
    log: (level, message, fields) => received.log.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`),
    report: async (body) => {
      received.reports.push(body);
    },
    queryInstance: async () => undefined,
    seen: () => {
      received.sights += 1;
    },
    blind: () => {},
  });
  return received;
}

/** The state of a unit that systemd has started. */
function start(): void {
  writeFileSync(path('works'), '');
  spawnSync(path('systemctl'), ['restart']);
  rmSync(path('calls'));
}

test.skipIf(!AS_ROOT)(
  'a unit whose process is killed is restarted, without its failures counting against it',
  async () => {
    start();
    const received = await watch({ systemd_unit: 'x' });
    await vi.waitFor(() => expect(received.sights).toBeGreaterThan(0), TIMEOUT);
    const before = read('pid');
    process.kill(Number(before), 'SIGKILL');
    await vi.waitFor(() => expect(read('calls')).toBe('reset-failed x.service\nrestart --no-block x.service'), TIMEOUT);
    await vi.waitFor(async () => {
      expect((await received.monitor.poll(AbortSignal.timeout(20_000)))[0]).toMatchObject({
        subject: 'x.service',
        state: 'up',
      });
    }, TIMEOUT);
    expect(read('pid')).not.toBe(before);
    expect(received.reports).toEqual([]);
  },
);

test.skipIf(!AS_ROOT)('a unit that was stopped in order is not changed', async () => {
  start();
  const received = await watch({ systemd_unit: 'x' });
  await vi.waitFor(() => expect(received.sights).toBeGreaterThan(0), TIMEOUT);
  writeFileSync(path('after'), 'inactive dead success\n');
  kill();
  await vi.waitFor(() => expect(received.log.join('\n')).toContain('has died'), TIMEOUT);
  const seen = received.sights;
  await vi.waitFor(() => expect(received.sights).toBeGreaterThan(seen + 20), TIMEOUT);
  expect([read('calls'), received.reports]).toEqual(['', []]);
});

test.skipIf(!AS_ROOT)('unless the list requires that it runs', async () => {
  writeFileSync(path('works'), '');
  const received = await watch({ systemd_unit: 'x', respect_stop: false });
  await vi.waitFor(() => expect(read('state')).toContain('active running'), TIMEOUT);
  expect(received.reports).toEqual([]);
});

test.skipIf(!AS_ROOT)('a unit that systemd is restarting itself is not changed', async () => {
  start();
  const received = await watch({ systemd_unit: 'x' });
  await vi.waitFor(() => expect(received.sights).toBeGreaterThan(0), TIMEOUT);
  writeFileSync(path('after'), 'activating auto-restart signal\n');
  kill();
  await vi.waitFor(() => expect(received.log.join('\n')).toContain('has died'), TIMEOUT);
  const seen = received.sights;
  await vi.waitFor(() => expect(received.sights).toBeGreaterThan(seen + 20), TIMEOUT);
  expect([read('calls'), received.reports]).toEqual(['', []]);
});

test.skipIf(!AS_ROOT)('a unit that stays failed is reported with the name that the engine recovers', async () => {
  writeFileSync(path('state'), 'failed failed exit-code\n');
  const received = await watch({ systemd_unit: 'openstack-nova-compute' });
  await vi.waitFor(() => expect(received.reports).toHaveLength(1), TIMEOUT);
  expect(received.reports[0]?.notification.payload).toEqual({ event: 'STOPPED', process_name: 'nova-compute' });
  expect(
    read('calls')
      .split('\n')
      .filter((line) => line.startsWith('restart')),
  ).toHaveLength(2);
});
