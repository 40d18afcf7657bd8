import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { DEFAULT_OPTIONS, type EngineOptions } from '#config/options/options.ts';
import { NONE_EXPECTED } from './expected-hosts.ts';
import { create, HostMonitor } from './monitor.ts';
import { PACEMAKER_FENCED } from './policy.ts';
import { prepare, type Setup } from './setup.ts';
import { parseCib } from './sources/pacemaker/cib.ts';
import { parseCrmMon } from './sources/pacemaker/crm-mon.ts';
import { createPacemakerSource } from './sources/pacemaker/source.ts';
import type { Source } from './sources/source.ts';

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
  [
    'a policy that no source can fulfil',
    { sources: ['ping'], policy: 'pacemaker-fenced' },
    'no host could ever be dead',
  ],
  ['a matrix whose networks no source has', { sources: ['heartbeat'] }, 'no source (heartbeat) has networks'],
  [
    'a matrix that cannot be read',
    { policy: 'matrix', matrixConfigFile: matrix },
    `${matrix}:2: "action" takes recovery`,
  ],
  ['a form of names without its domain', { hostNameForm: 'full' }, 'host_name_domain is empty'],
])('%s is refused before anything starts', async (_, more, message) => {
  await expect(create(options(more), 'n1')).rejects.toThrow(message);
});

test('deaths of hosts that are back are sent to an engine, and not to a Masakari', async () => {
  const { transport } = options();
  expect((await prepare(options(), 'n1')).lateDeaths).toBeUndefined();
  const toMasakari = { ...options(), transport: { ...transport, target: 'masakari' } } as const;
  expect((await prepare(toMasakari, 'n1')).lateDeaths).toBe('silent');
});

test('an invalid option at a reload is refused, and the current ones stay in use', async () => {
  const monitor = await create(options({ monitoringIntervalMs: 1_000 }), 'n1');
  const before = monitor.blindAfterMs;
  await expect(monitor.reload(options({ hostNameForm: 'full' }))).rejects.toThrow('host_name_domain');
  expect(monitor.blindAfterMs).toBe(before);
  await monitor.reload(options({ monitoringIntervalMs: 2_000 }));
  expect(monitor.blindAfterMs).toBe(before + 3_000);
});

test('without a cluster a poll fails, a report stays unproven, and the monitor runs blind until it is stopped', async () => {
  const monitor = await create(options(), 'n1');
  await expect(monitor.poll(AbortSignal.timeout(20_000))).rejects.toThrow(/no host can be read: pacemaker: /);
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
    queryInstance: async () => undefined,
    seen: () => {},
    blind: resolve,
  });
  expect(await blind).toMatch(/^Pacemaker: (crm_mon|cibadmin)/);
  ends.abort();
  await done;
});

const read = (path: string) => readFileSync(new URL(`../../test/fixtures/pacemaker/${path}`, import.meta.url), 'utf8');

/** A monitor with captured outputs of Pacemaker, one after the other; the last one is repeated. */
async function shown(samples: readonly string[], ...others: readonly Source[]): Promise<HostMonitor> {
  return new HostMonitor(await showing(samples, ...others), 'n1');
}

async function showing(samples: readonly string[], ...others: readonly Source[]): Promise<Setup> {
  const left = [...samples];
  const source = await createPacemakerSource(options(), async () => {
    const sample = left.length > 1 ? left.shift() : left[0];
    return { view: parseCrmMon(read(`${sample}/crm_mon.xml`)), cib: parseCib(read(`${sample}/cib.xml`)) };
  });
  return {
    options: options().hostMonitor,
    policy: PACEMAKER_FENCED,
    sources: [source, ...others],
    expected: NONE_EXPECTED,
  };
}

const logging = (poll: Source['poll']): Source => ({ name: 'ipmi', poll });

test('one poll returns the state of each host, its origin, and the blind sources', async () => {
  const off = logging(async () => [
    { source: 'ipmi', host: 'c2', state: 'down', proof: 'power off', at: Date.now(), detail: 'chassis power is off' },
  ]);
  const monitor = await shown(['remote-unclean'], off);
  expect(await monitor.poll(AbortSignal.timeout(20_000))).toEqual([
    { subject: 'c1', state: 'up', detail: 'connected' },
    {
      subject: 'c2',
      state: 'dead',
      detail: 'chassis power is off; proof: power off; pacemaker: lost and not fenced so far',
    },
  ]);
  const silent = logging(async () => {
    throw new Error('ipmitool is not installed');
  });
  const half = await shown(['remote-fenced-offline'], silent);
  expect((await half.poll(AbortSignal.timeout(20_000))).map(({ subject, state }) => `${subject} ${state}`)).toEqual([
    'c1 up',
    'c2 dead',
    '(ipmi) blind',
  ]);
});

test('one poll lists the expected hosts that are not watched, and the monitor if it is blind as a whole', async () => {
  const expected = {
    hosts: new Map([['c9', 'a failover segment']] as const),
    fault: 'hosts.yaml:1:1: this is not YAML',
  };
  const polled = async (sample: string) => {
    const monitor = new HostMonitor({ ...(await showing([sample])), expected }, 'n1');
    const observations = await monitor.poll(AbortSignal.timeout(20_000));
    return observations.map(({ subject, state, detail }) => `${subject} ${state} ${detail}`);
  };
  const unwatched = 'c9 unwatched in a failover segment, but Pacemaker does not know it';
  const fault = '(inventory) unreadable hosts.yaml:1:1: this is not YAML';
  expect(await polled('all-online')).toEqual([
    'c1 up connected',
    'c2 up connected',
    unwatched,
    fault,
    `(all) blind none of 1 expected hosts is watched, c9: in a failover segment, but Pacemaker does not know it`,
  ]);
  expect(await polled('no-quorum')).toEqual([
    'c1 unknown the cluster has no quorum here',
    'c2 unknown the cluster has no quorum here',
    unwatched,
    fault,
    '(all) blind Pacemaker has no state of any host: the cluster has no quorum here',
  ]);
});

describe('a report that waited long', () => {
  const stopped = { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' } as const;
  const doubted = { ...stopped, host_status: 'UNKNOWN' } as const;
  const started = { event: 'STARTED', cluster_status: 'ONLINE', host_status: 'NORMAL' } as const;
  const common = { type: 'COMPUTE_HOST', hostname: 'c2', generated_time: '2026-11-21T08:00:00Z' } as const;

  test.each<[string, typeof stopped | typeof doubted | typeof started, string]>([
    ['remote-fenced-offline', stopped, 'still'],
    ['remote-fenced-but-start-pending-shown-online', stopped, 'still'],
    ['remote-daemon-killed', stopped, 'over'],
    ['remote-unclean', stopped, 'unknown'],
    ['remote-unclean', doubted, 'still'],
    ['maintenance-c2-killed', stopped, 'unknown'],
    ['no-quorum', stopped, 'unknown'],
    ['all-online', started, 'still'],
    ['remote-fenced-offline', started, 'over'],
    ['no-quorum', started, 'unknown'],
  ])('with %s, %j, is %s so', async (sample, payload, expected) => {
    const monitor = await shown([sample]);
    expect(await monitor.recheck({ notification: { ...common, payload } })).toBe(expected);
  });

  test('of a host that is back still holds if it was fenced or had no power, unless it is sent to a Masakari', async () => {
    const fenced = { ...common, generated_time: '2026-11-21T08:15:31Z', payload: stopped } as const;
    const monitor = await shown(['remote-daemon-killed']);
    expect(await monitor.recheck({ notification: fenced })).toBe('still');
    expect(await monitor.recheck({ notification: { ...common, payload: stopped } }, undefined, 'fencing')).toBe(
      'still',
    );
    const toMasakari = new HostMonitor({ ...(await showing(['remote-daemon-killed'])), lateDeaths: 'silent' }, 'n1');
    expect(await toMasakari.recheck({ notification: fenced }, undefined, 'fencing')).toBe('over');
  });

  test('of a host that is not watched, or of another object, is unknown', async () => {
    const monitor = await shown(['all-online']);
    expect(await monitor.recheck({ notification: { ...common, hostname: 'x', payload: stopped } })).toBe('unknown');
    const payload = { event: 'STOPPED', process_name: 'nova-compute' } as const;
    expect(await monitor.recheck({ notification: { ...common, type: 'PROCESS', payload } })).toBe('unknown');
  });
});

test('a reload restarts the watch with the new options, and the end of the process ends it', async () => {
  const monitor = await create(options({ monitoringIntervalMs: 3_600_000 }), 'n1');
  const ends = new AbortController();
  const blind: string[] = [];
  let wake: () => void = () => {};
  const blindTimes = (times: number) =>
    new Promise<void>((resolve) => {
      wake = () => {
        if (blind.length >= times) resolve();
      };
      wake();
    });
  const done = monitor.run({
    node: 'n1',
    log: () => {},
    signal: ends.signal,
    report: async () => {},
    queryInstance: async () => undefined,
    seen: () => {},
    blind: (reason) => {
      blind.push(reason);
      wake();
    },
  });
  await blindTimes(1);
  // The next poll of the first options would come in an hour.
  await monitor.reload(options({ monitoringIntervalMs: 3_600_000 }));
  await blindTimes(2);
  ends.abort();
  await done;
});
