import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { ACCEPTED_PROOFS, PROOF_KINDS } from '#config/options/proofs.ts';
import type { DeathFacts, GateFacts, GateLimits } from './gate.ts';
import { passGates } from './gates.ts';
import { recordedFacts, recordGates } from './recorded-facts.ts';
import { replayGates } from './replay.ts';

const time = '2026-11-21T08:05:44.120Z';
const share = fc.record({ failed: fc.nat(12), all: fc.nat(12) });
/** Milliseconds, with fractions as CLOCK_BOOTTIME has them. */
const ms = fc.double({ min: 0, max: 10_000, noNaN: true });

const limits: fc.Arbitrary<GateLimits> = fc.record({
  maxFailedHostsPercent: fc.integer({ min: 1, max: 100 }),
  maxFailedHostsOfSegmentPercent: fc.integer({ min: 1, max: 100 }),
  minFailedHosts: fc.integer({ min: 1, max: 4 }),
  maxHosts: fc.nat(3),
  maxHostsIntervalMs: fc.integer({ min: 1, max: 10_000 }),
  maxInstancesOfHost: fc.nat(3),
  holdWithoutServices: fc.boolean(),
  holdWithoutScheduler: fc.boolean(),
  startupGraceMs: fc.nat(10_000),
});

const check = fc.record({
  name: fc.string(),
  kind: fc.constantFrom(...PROOF_KINDS),
  state: fc.constantFrom('dead', 'alive', 'unknown'),
  detail: fc.string(),
  ageMs: fc.double({ min: 59_990, max: 60_010, noNaN: true }),
});
const death: fc.Arbitrary<DeathFacts> = fc.record({
  accepted: fc.subarray([...ACCEPTED_PROOFS]),
  reported: fc.constantFrom('none', 'fencing', 'operator'),
  checks: fc.array(check, { maxLength: 3 }),
  openForMs: ms,
  watchdogTimeoutMs: fc.nat(10_000),
});

const facts: fc.Arbitrary<GateFacts> = fc.record({
  kind: fc.constantFrom('COMPUTE_HOST', 'PROCESS', 'VM', 'HOST_RETURN'),
  host: fc.constant('c1'),
  hasStarted: fc.boolean(),
  isApproved: fc.boolean(),
  pause: fc.option(fc.record({ by: fc.string(), reason: fc.option(fc.string()), leftMs: fc.option(ms) }), { freq: 4 }),
  disabledSegment: fc.option(fc.string(), { nil: undefined, freq: 8 }),
  maintenance: fc.option(fc.record({ by: fc.string(), reason: fc.option(fc.string()) }), { nil: undefined, freq: 8 }),
  deadServices: fc.option(fc.subarray(['nova-scheduler', 'nova-conductor']), { nil: undefined }),
  death: fc.option(death, { nil: undefined }),
  failedHosts: fc.nat(6),
  cloud: fc.option(share, { nil: undefined }),
  segment: fc.option(fc.record({ failed: fc.nat(12), all: fc.nat(12), name: fc.string() }), { nil: undefined }),
  silentServices: fc.option(share, { nil: undefined }),
  engineAgeMs: ms,
  startedMsAgo: fc.array(ms, { maxLength: 4 }),
  waitingInstances: fc.nat(5),
  limits,
});

function exported(given: GateFacts) {
  const decision = passGates(given);
  const { facts: kept, outcome, rule } = recordGates('u', given, decision, 1);
  // As it comes out of a file.
  const read = v.parse(recordedFacts, JSON.parse(JSON.stringify(kept)));
  return { decision, recorded: { time, outcome: outcome as 'hold' | 'pass', gate: rule, facts: read } };
}

describe('a recorded gate decision', () => {
  test('is decided again as it was, under the same limits', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const { decision, recorded } = exported(given);
        const [replayed] = replayGates([recorded], given.limits);
        expect(replayed).toMatchObject({
          isChanged: false,
          now: { outcome: decision.do, gate: decision.gate ?? null },
        });
      }),
      { numRuns: 1_000 },
    );
  });

  test('is decided under other limits as its facts were', () => {
    fc.assert(
      fc.property(facts, limits, (given, other) => {
        const { recorded } = exported(given);
        const [replayed] = replayGates([recorded], other);
        const expected = passGates({ ...given, limits: other });
        expect(replayed?.now).toMatchObject({ outcome: expected.do, gate: expected.gate ?? null });
      }),
      { numRuns: 1_000 },
    );
  });

  test('keeps the newest starts of other hosts, in a bounded number', () => {
    const startedMsAgo = Array.from({ length: 5_000 }, (_, n) => 5_000 - n);
    const [given] = fc.sample(facts, { numRuns: 1, seed: 1 });
    if (given === undefined) throw new Error('no sample');
    const { recorded } = exported({ ...given, startedMsAgo });
    expect(recorded.facts.startedMsAgo).toHaveLength(200);
    expect(recorded.facts.startedMsAgo.slice(0, 2)).toEqual([1, 2]);
  });
});
