/**
 * The facts and limits of a gate decision as the journal and an exported case have them: names in snake_case, whole numbers.
 *
 * Invariant: gates decide by the recorded facts as they did by the original ones. Times are rounded down: limits are whole milliseconds.
 */
import * as v from 'valibot';
import { ACCEPTED_PROOFS, PROOF_KINDS } from '#config/options/proofs.ts';
import type { AddDecision, DecisionFact, DecisionFacts } from '../journal/mutations.ts';
import type { DeathFacts, GateDecision, GateFacts } from './gate.ts';

/** Starts of recoveries of other hosts that are recorded, the newest first. */
const MAX_STARTS = 200;

/** The decision of the gates about one recovery, for the transaction of its effect. */
export function recordGates(
  uuid: string,
  { limits, ...facts }: GateFacts,
  decision: GateDecision & { readonly gate?: string },
  at: number,
): AddDecision {
  const startedMsAgo = facts.startedMsAgo.toSorted((a, b) => a - b).slice(0, MAX_STARTS);
  const waits = decision.do === 'hold' ? { read_again_ms: Math.floor(decision.readAgainMs) } : {};
  return {
    op: 'decision',
    uuid,
    kind: 'gate',
    outcome: decision.do,
    rule: decision.gate ?? null,
    reason: decision.do === 'hold' ? decision.reason : null,
    facts: { ...recorded({ ...facts, startedMsAgo }), ...waits },
    limits: recorded({ ...limits }),
    at,
  };
}

function recorded(values: object): DecisionFacts {
  const known = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known.map(([name, value]) => [snakeCase(name), recordedValue(value)]));
}

function recordedValue(value: unknown): DecisionFact {
  if (typeof value === 'number') return Math.floor(value);
  if (typeof value === 'boolean' || typeof value === 'string' || value === null) return value;
  return Array.isArray(value) ? value.map(recordedValue) : recorded(value as object);
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const count = v.pipe(v.number('must be a number'), v.integer('must be whole'), v.minValue(0, 'must be at least 0'));
const text = v.pipe(v.string('must be a text'), v.maxLength(1_000, 'is longer than 1000 characters'));
const share = { failed: count, all: count };

const proofCheck = v.object({
  name: text,
  kind: v.picklist(PROOF_KINDS, 'is no kind of a proof'),
  state: v.picklist(['dead', 'alive', 'unknown'], 'is no state of a proof'),
  detail: text,
  age_ms: count,
});
const death = v.object({
  accepted: v.array(v.picklist(ACCEPTED_PROOFS, 'is no proof'), 'must be a list'),
  reported: v.picklist(['none', 'fencing', 'operator'], 'is no reported proof'),
  checks: v.pipe(v.array(proofCheck, 'must be a list'), v.maxLength(100, 'has more than 100 values')),
  open_for_ms: count,
  watchdog_timeout_ms: count,
});

function deathOf(facts: v.InferOutput<typeof death>): DeathFacts {
  const { accepted, reported, checks } = facts;
  return {
    accepted,
    reported,
    checks: checks.map(({ age_ms, ...check }) => ({ ...check, ageMs: age_ms })),
    openForMs: facts.open_for_ms,
    watchdogTimeoutMs: facts.watchdog_timeout_ms,
  };
}

/** Facts of a gate decision. Those that gates of later versions need are added as optional ones. */
export const recordedFacts = v.pipe(
  v.object({
    kind: v.picklist(['COMPUTE_HOST', 'PROCESS', 'VM', 'HOST_RETURN'], 'is no kind of a recovery'),
    host: text,
    has_started: v.boolean('must be true or false'),
    is_approved: v.boolean('must be true or false'),
    pause: v.nullable(v.object({ by: text, reason: v.nullable(text), left_ms: v.nullable(count) })),
    disabled_segment: v.optional(text),
    maintenance: v.optional(v.object({ by: text, reason: v.nullable(text) })),
    dead_services: v.optional(v.pipe(v.array(text, 'must be a list'), v.maxLength(10, 'has more than 10 values'))),
    death: v.optional(death),
    failed_hosts: v.optional(count, 0),
    cloud: v.optional(v.object(share)),
    segment: v.optional(v.object({ ...share, name: text })),
    silent_services: v.optional(v.object(share)),
    engine_age_ms: count,
    started_ms_ago: v.pipe(
      v.array(count, 'must be a list'),
      v.maxLength(MAX_STARTS, `has more than ${MAX_STARTS} values`),
    ),
    waiting_instances: count,
  }),
  v.transform(
    (facts): Omit<GateFacts, 'limits'> => ({
      kind: facts.kind,
      host: facts.host,
      hasStarted: facts.has_started,
      isApproved: facts.is_approved,
      pause: facts.pause && { by: facts.pause.by, reason: facts.pause.reason, leftMs: facts.pause.left_ms },
      disabledSegment: facts.disabled_segment,
      maintenance: facts.maintenance,
      deadServices: facts.dead_services,
      death: facts.death && deathOf(facts.death),
      failedHosts: facts.failed_hosts,
      cloud: facts.cloud,
      segment: facts.segment,
      silentServices: facts.silent_services,
      engineAgeMs: facts.engine_age_ms,
      startedMsAgo: facts.started_ms_ago,
      waitingInstances: facts.waiting_instances,
    }),
  ),
);
