import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DEFAULT_OPTIONS, type EngineOptions } from '#config/options/options.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import { notificationOf } from './failure.ts';
import { create } from './monitor.ts';

/** Without libvirt; with it: test/labs/libvirt. */

let directory: string;
let options: EngineOptions;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'instance-monitor-'));
  options = withChanges({});
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function withChanges(changes: Partial<EngineOptions['instanceMonitor']>): EngineOptions {
  const places = { socket: join(directory, 'no-socket'), stateFile: join(directory, 'instances.json') };
  return { ...DEFAULT_OPTIONS, instanceMonitor: { ...DEFAULT_OPTIONS.instanceMonitor, ...places, ...changes } };
}

test('without libvirtd it reports the reason each time, retries, and ends with the signal', async () => {
  const monitor = await create(options, 'compute1');
  const end = new AbortController();
  const reasons: string[] = [];
  const running = monitor.run({
    node: 'compute1',
    signal: end.signal,
    log: () => {},
    report: async () => {},
    queryInstance: async () => undefined,
    seen: () => expect.fail('libvirtd does not run'),
    blind: (reason) => reasons.push(reason),
  });
  await vi.waitUntil(() => reasons.length >= 2, { timeout: 20_000 });
  expect(reasons[0]).toMatch(/libvirtd cannot be reached on .*no-socket: there is no such socket/);
  end.abort();
  await running;
});

test('a poll without libvirtd fails with the reason; a report cannot be rechecked then', async () => {
  const monitor = await create(options, 'compute1');
  await expect(monitor.poll(AbortSignal.timeout(10_000))).rejects.toThrow(/cannot be reached/);
  const body: NotificationBody = notificationOf(
    { uuid: '11111111-0000-4000-8000-000000000001', kind: 'killed', at: 0 },
    'compute1',
    'LIFECYCLE/STOPPED_FAILED',
  );
  expect(await monitor.recheck(body)).toBe('unknown');
});

test('a monitor that does not run drops an old report of an instance that Nova has on another host now', async () => {
  const monitor = await create(options, 'compute1');
  const failure = { uuid: '11111111-0000-4000-8000-000000000001', kind: 'killed', at: 0 } as const;
  const body = notificationOf(failure, 'compute1', 'LIFECYCLE/STOPPED_FAILED');
  const on = (host: string) => async () => ({ status: 'found', host, vmState: 'active', taskState: null }) as const;
  expect(await monitor.recheck(body, on('compute2'))).toBe('over');
  expect(await monitor.recheck(body, on('compute1'))).toBe('unknown');
});

test('changed options are applied, except another path of the state file', async () => {
  const monitor = await create(options, 'compute1');
  await monitor.reload(withChanges({ resyncIntervalMs: 60_000 }));
  expect(monitor.blindAfterMs).toBe(180_000);
  await expect(monitor.reload(withChanges({ stateFile: '/elsewhere' }))).rejects.toThrow(/state_file.*restart/);
  expect(monitor.blindAfterMs).toBe(180_000);
});
