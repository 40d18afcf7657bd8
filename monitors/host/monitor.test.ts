import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { DEFAULT_OPTIONS, type EngineOptions } from '#config/options.ts';
import { create } from './monitor.ts';

const directory = mkdtempSync(join(tmpdir(), 'host-monitor-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const options = (more: Partial<EngineOptions['hostMonitor']> = {}): EngineOptions => ({
  ...DEFAULT_OPTIONS,
  hostMonitor: {
    ...DEFAULT_OPTIONS.hostMonitor,
    alertSocket: join(directory, 'run', 'host.sock'),
    stateFile: join(directory, 'state.json'),
    ...more,
  },
});

const matrix = join(directory, 'matrix.yaml');
writeFileSync(matrix, 'sequence: [storage]\nmatrix: [{health: [down], action: [shoot]}]\n');

test.each<[string, Partial<EngineOptions['hostMonitor']>, string]>([
  ['a policy that nothing can fulfil', { sources: ['ping'], policy: 'pacemaker-fenced' }, 'no host could ever be dead'],
  [
    'a matrix that cannot be read',
    { policy: 'matrix', matrixConfigFile: matrix },
    `${matrix}:2: "action" takes recovery`,
  ],
  ['a form of names without its domain', { hostNameForm: 'full' }, 'host_name_domain is empty'],
])('%s is refused before anything begins', async (_, more, message) => {
  await expect(create(options(more), 'n1')).rejects.toThrow(message);
});

test('a wrong option at a reload is refused, and what was stays', async () => {
  const monitor = await create(options({ monitoringIntervalMs: 1_000 }), 'n1');
  const before = monitor.blindAfterMs;
  await expect(monitor.reload(options({ hostNameForm: 'full' }))).rejects.toThrow('host_name_domain');
  expect(monitor.blindAfterMs).toBe(before);
  await monitor.reload(options({ monitoringIntervalMs: 2_000 }));
  expect(monitor.blindAfterMs).toBe(before + 3_000);
});

test('where no cluster runs, a look fails, a report stays unproven, and the monitor runs on blind until it is ended', async () => {
  const monitor = await create(options(), 'n1');
  await expect(monitor.look(AbortSignal.timeout(20_000))).rejects.toThrow(/no host can be seen: pacemaker: /);
  const payload = { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' } as const;
  const common = { hostname: 'c1', generated_time: '2026-11-21T08:00:00Z' };
  expect(await monitor.recheck({ notification: { type: 'COMPUTE_HOST', ...common, payload } })).toBe('unknown');

  const ends = new AbortController();
  const { promise: blind, resolve } = Promise.withResolvers<string>();
  const done = monitor.run({
    node: 'n1',
    log: () => {},
    signal: ends.signal,
    report: async () => {
      throw new Error('there is nothing to report');
    },
    askInstance: async () => undefined,
    seen: () => {},
    blind: resolve,
  });
  expect(await blind).toMatch(/^Pacemaker: (crm_mon|cibadmin)/);
  ends.abort();
  await done;
});
