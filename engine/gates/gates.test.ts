/** Each gate at its limit, and what passes all of them. */
import { describe, expect, test } from 'vitest';
import { DEFAULT_OPTIONS } from '#config/options/options.ts';
import type { DeathFacts, GateFacts, GateLimits, ProofCheck } from './gate.ts';
import { GATES, passGates } from './gates.ts';

const LIMITS: GateLimits = { ...DEFAULT_OPTIONS.gates, maxHosts: 2, maxHostsIntervalMs: 60_000, maxInstancesOfHost: 3 };

const DEATH: DeathFacts = {
  accepted: ['silence'],
  reported: 'none',
  checks: [],
  openForMs: 1_000,
  watchdogTimeoutMs: 0,
};

const CALM: GateFacts = {
  kind: 'COMPUTE_HOST',
  host: 'c1',
  hasStarted: false,
  isApproved: false,
  pause: null,
  disabledSegment: undefined,
  maintenance: undefined,
  deadServices: [],
  failedHosts: 1,
  cloud: { failed: 1, all: 10 },
  segment: undefined,
  silentServices: { failed: 1, all: 10 },
  engineAgeMs: 60_000,
  startedMsAgo: [],
  waitingInstances: 0,
  death: DEATH,
  limits: LIMITS,
};

const reasonFor = (change: Partial<GateFacts>): string | undefined => {
  const decision = passGates({ ...CALM, ...change });
  return decision.do === 'hold' ? decision.reason : undefined;
};

test('a single failure passes every gate', () => {
  expect(reasonFor({})).toBeUndefined();
  for (const kind of ['PROCESS', 'VM', 'HOST_RETURN'] as const) expect(reasonFor({ kind })).toBeUndefined();
});

test('every gate has a name of its own, which begins its reasons', () => {
  const names = GATES.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(reasonFor({ cloud: { failed: 6, all: 10 } })).toMatch(/^Held by gate failed-hosts: /);
});

describe('gate pause', () => {
  const pause = { by: 'ops', reason: 'switch work', leftMs: 90_000 };

  test('holds every kind, approved or under way, and names the operator, the reason and the way out', () => {
    for (const kind of ['COMPUTE_HOST', 'PROCESS', 'VM', 'HOST_RETURN'] as const) {
      expect(reasonFor({ kind, pause, isApproved: true, hasStarted: true })).toMatch(
        /paused by ops \(switch work\), for 2 min more .*"recovery-agent unpause"/,
      );
    }
  });

  test('is read again when it ends', () => {
    expect(passGates({ ...CALM, pause: { ...pause, leftMs: 5_000 } })).toMatchObject({ readAgainMs: 5_000 });
    expect(passGates({ ...CALM, pause: { ...pause, leftMs: null } })).toMatchObject({ readAgainMs: 30_000 });
  });
});

describe('gate startup-grace', () => {
  const limits = { ...LIMITS, startupGraceMs: 30_000 };

  test('holds all failures of a new engine, approved or not, until the time has passed', () => {
    for (const kind of ['COMPUTE_HOST', 'PROCESS', 'VM'] as const) {
      expect(passGates({ ...CALM, kind, limits, engineAgeMs: 10_000 })).toMatchObject({
        gate: 'startup-grace',
        readAgainMs: 20_000,
      });
    }
    expect(reasonFor({ limits, engineAgeMs: 30_000 })).toBeUndefined();
    expect(reasonFor({ limits, engineAgeMs: 0, hasStarted: true })).toBeUndefined();
    expect(reasonFor({ engineAgeMs: 0 })).toBeUndefined();
  });
});

describe('gate silent-services', () => {
  test('holds hosts while every service is silent, and nothing while one reports', () => {
    expect(reasonFor({ silentServices: { failed: 10, all: 10 } })).toContain('none of 10 compute services reports');
    expect(reasonFor({ silentServices: { failed: 9, all: 10 } })).toBeUndefined();
    // All others are forced down: no host is left, and no statement about Nova is possible.
    expect(reasonFor({ silentServices: { failed: 0, all: 0 } })).toBeUndefined();
    expect(reasonFor({ silentServices: { failed: 1, all: 1 } })).toBeUndefined();
  });

  test('is off by its option, and overridden by an approval', () => {
    const silentServices = { failed: 10, all: 10 };
    expect(reasonFor({ silentServices, limits: { ...LIMITS, holdWithoutServices: false } })).toBeUndefined();
    expect(reasonFor({ silentServices, isApproved: true })).toBeUndefined();
    expect(reasonFor({ silentServices: undefined })).toBeUndefined();
  });
});

describe('gate failed-hosts', () => {
  test.each([
    [{ failed: 5, all: 10 }, undefined],
    [{ failed: 6, all: 10 }, '6 of 10 hosts are down, and [gates] max_failed_hosts_percent is 50'],
    // A small cloud loses half of its hosts with one or two of them.
    [{ failed: 2, all: 2 }, undefined],
    [{ failed: 2, all: 3 }, undefined],
    [{ failed: 3, all: 3 }, '3 of 3 hosts are down'],
    [{ failed: 3, all: 6 }, undefined],
    [{ failed: 0, all: 0 }, undefined],
  ])('%o of the cloud: %s', (cloud, reason) => {
    const found = reasonFor({ cloud });
    if (reason === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(reason);
  });

  test('applies to a segment by its own limit', () => {
    const segment = { name: 'rack1', failed: 3, all: 4 };
    expect(reasonFor({ segment })).toBeUndefined();
    expect(reasonFor({ segment, limits: { ...LIMITS, maxFailedHostsOfSegmentPercent: 70 } })).toContain(
      '3 of 4 hosts of segment rack1 are down, and [gates] max_failed_hosts_of_segment_percent is 70',
    );
  });

  test('holds no other kind, nothing that was started or approved, and nothing before Nova has responded', () => {
    const cloud = { failed: 9, all: 10 };
    expect(reasonFor({ cloud, isApproved: true })).toBeUndefined();
    expect(reasonFor({ cloud, hasStarted: true })).toBeUndefined();
    expect(reasonFor({ cloud: undefined })).toBeUndefined();
    for (const kind of ['PROCESS', 'VM', 'HOST_RETURN'] as const) expect(reasonFor({ cloud, kind })).toBeUndefined();
  });
});

describe('gate host-rate', () => {
  test('holds the host after the last one allowed, until the oldest start is out of the interval', () => {
    expect(reasonFor({ startedMsAgo: [1_000] })).toBeUndefined();
    expect(reasonFor({ startedMsAgo: [1_000, 60_000] })).toBeUndefined();
    expect(passGates({ ...CALM, startedMsAgo: [1_000, 50_000] })).toMatchObject({
      do: 'hold',
      gate: 'host-rate',
      readAgainMs: 10_000,
    });
  });

  test('holds nothing without a limit, and nothing that was approved', () => {
    expect(reasonFor({ startedMsAgo: [1, 2, 3], limits: { ...LIMITS, maxHosts: 0 } })).toBeUndefined();
    expect(reasonFor({ startedMsAgo: [1, 2, 3], isApproved: true })).toBeUndefined();
  });
});

describe('gate failed-instances', () => {
  test('holds instances while more of the host wait than allowed, and no host', () => {
    expect(reasonFor({ kind: 'VM', waitingInstances: 3 })).toBeUndefined();
    expect(reasonFor({ kind: 'VM', waitingInstances: 4 })).toContain("more than 3 instances of host 'c1' have failed");
    expect(reasonFor({ kind: 'VM', waitingInstances: 4, isApproved: true })).toBeUndefined();
    expect(reasonFor({ waitingInstances: 4 })).toBeUndefined();
    expect(
      reasonFor({ kind: 'VM', waitingInstances: 400, limits: { ...LIMITS, maxInstancesOfHost: 0 } }),
    ).toBeUndefined();
  });
});

test('gate failed-hosts holds many failures until Nova has listed its hosts', () => {
  const cloud = undefined;
  expect(reasonFor({ cloud, failedHosts: 3 })).toContain('3 hosts have failed and Nova has not listed its hosts yet');
  expect(reasonFor({ cloud, failedHosts: 2 })).toBeUndefined();
  expect(reasonFor({ cloud, failedHosts: 3, isApproved: true })).toBeUndefined();
  expect(reasonFor({ cloud, failedHosts: 3, limits: { ...LIMITS, maxFailedHostsPercent: 100 } })).toBeUndefined();
});

describe('gate disabled-segment', () => {
  test('holds hosts of the segment, approved or not, and nothing else', () => {
    for (const isApproved of [false, true]) {
      expect(reasonFor({ disabledSegment: 'rack-1', isApproved })).toContain('segment rack-1 is disabled');
    }
    expect(reasonFor({ disabledSegment: 'rack-1', hasStarted: true })).toBeUndefined();
    expect(reasonFor({ kind: 'HOST_RETURN', disabledSegment: 'rack-1' })).toBeUndefined();
  });
});

describe('gate maintenance', () => {
  const maintenance = { by: 'ops', reason: 'new memory' };

  test('holds the host until the maintenance ends, and names who, why and the way out', () => {
    expect(reasonFor({ maintenance })).toMatch(
      /host 'c1' is in maintenance by ops \(new memory\); "recovery-agent host c1 --maintenance no" ends it/,
    );
    expect(reasonFor({ maintenance, isApproved: true })).toBeUndefined();
    expect(reasonFor({ maintenance, hasStarted: true })).toBeUndefined();
  });
});

describe('gate control-services', () => {
  test('holds hosts while Nova could carry out no evacuation', () => {
    expect(reasonFor({ deadServices: ['nova-scheduler', 'nova-conductor'] })).toContain(
      'no nova-scheduler and no nova-conductor reports to Nova',
    );
    expect(reasonFor({ deadServices: undefined })).toBeUndefined();
    expect(reasonFor({ deadServices: ['nova-scheduler'], isApproved: true })).toBeUndefined();
    const limits = { ...LIMITS, holdWithoutScheduler: false };
    expect(reasonFor({ deadServices: ['nova-scheduler'], limits })).toBeUndefined();
  });
});

describe('gate proof-of-death', () => {
  const IPMI: ProofCheck = { name: 'ipmi', kind: 'power_off', state: 'dead', detail: 'power is off', ageMs: 1_000 };
  const reasonOf = (death: Partial<DeathFacts>, change: Partial<GateFacts> = {}): string | undefined =>
    reasonFor({ death: { ...DEATH, accepted: ['fencing', 'power_off'], ...death }, ...change });

  test('lets a report start a recovery if silence is accepted', () => {
    expect(reasonOf({ accepted: ['silence'] })).toBeUndefined();
  });

  test('holds a report without an accepted proof, approved or not, and names what is accepted and the way out', () => {
    for (const isApproved of [false, true]) {
      expect(reasonOf({}, { isApproved })).toMatch(
        /^Held by gate proof-of-death: nothing shows that host 'c1' is dead; accepted are fencing, power_off; .*approve --host-is-down/,
      );
    }
    expect(reasonOf({ accepted: [] })).toContain("accepted are an operator's word");
  });

  test.each([
    ['the word of an operator, with any list', { accepted: [], reported: 'operator' }],
    ['a reported fencing', { reported: 'fencing' }],
    ['a program that shows it dead', { checks: [IPMI] }],
    ['a watchdog whose time has passed', { accepted: ['watchdog'], watchdogTimeoutMs: 1_000, openForMs: 1_000 }],
  ] as const)('passes %s', (_, death) => {
    expect(reasonOf(death)).toBeUndefined();
  });

  test.each([
    ['a reported fencing that is not accepted', { accepted: ['power_off'], reported: 'fencing' }],
    ['a kind that is not accepted', { accepted: ['fencing'], checks: [IPMI] }],
    ['a result that is a minute old', { checks: [{ ...IPMI, ageMs: 60_000 }] }],
    ['a program that does not know', { checks: [{ ...IPMI, state: 'unknown' }] }],
    ['a watchdog whose time has not passed', { accepted: ['watchdog'], watchdogTimeoutMs: 1_001, openForMs: 1_000 }],
    ['a watchdog that hosts do not have', { accepted: ['watchdog'], openForMs: 86_400_000 }],
  ] as const)('is not passed by %s', (_, death) => {
    expect(reasonOf(death)).toContain("nothing shows that host 'c1' is dead");
  });

  test('holds a host that a program shows alive, although others show it dead', () => {
    const alive: ProofCheck = { ...IPMI, name: 'storage', state: 'alive', detail: 'it writes' };
    expect(reasonOf({ reported: 'fencing', checks: [IPMI, alive] })).toContain('proof storage shows alive (it writes)');
    expect(reasonOf({ reported: 'operator', checks: [alive] })).toBeUndefined();
  });

  test('is read again when the watchdog has reset the host', () => {
    const death = { ...DEATH, accepted: ['watchdog'], watchdogTimeoutMs: 10_000, openForMs: 4_000 } as const;
    expect(passGates({ ...CALM, death })).toMatchObject({ do: 'hold', readAgainMs: 6_000 });
  });

  test('decides after every other gate', () => {
    expect(GATES.at(-1)?.name).toBe('proof-of-death');
    expect(reasonOf({}, { cloud: { failed: 6, all: 10 } })).toContain('Held by gate failed-hosts');
  });

  test('leaves other kinds, and a recovery that has started, alone', () => {
    expect(reasonFor({ kind: 'VM', death: undefined })).toBeUndefined();
    expect(reasonOf({}, { hasStarted: true })).toBeUndefined();
  });
});
