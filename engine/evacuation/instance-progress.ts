/** The move of one instance off a failed host: its steps in the journal, and the loop's own state. */
import type { Evacuation } from '../cloud/cloud.ts';
import type { Step } from '../flow/journaled-steps.ts';
import type { Fault } from '../flow/outcome.ts';
import type { InstanceSnapshot, Wanted } from './original-state-decision.ts';

export interface MoveResult {
  readonly ok: boolean;
  readonly reason: string | null;
  /** `outage`: it failed only because there was no response. */
  readonly fault?: Fault;
}

export interface Move {
  readonly snapshot: InstanceSnapshot;
  readonly wanted: Wanted;
  /** In the order of their execution; a start is added if it proves necessary. */
  readonly steps: Step[];
  /** Null while it is in progress. */
  result: MoveResult | null;
}

export interface Progress {
  readonly move: Move;
  /** Another attempt or engine called for it; the first poll detects the outcome. */
  isInherited: boolean;
  /** Evacuations of it that other attempts or engines requested: this one has its own number. */
  readonly attemptsBefore: number;
  /** An earlier flow may have requested an evacuation that was never visible, and this flow has not waited for it yet. */
  mayBeRequested: boolean;
  isCalling: boolean;
  holdsPlace: boolean;
  /** CLOCK_BOOTTIME ms of the current step's call, or of this engine's first poll of it; shifted by times without a response. */
  since: number;
  /** No call and no detailed poll before this time. */
  notBefore: number;
  readsWithoutTrace: number;
  silentSince: number;
  readsWithoutReason: number;
  /** Consecutive calls that certainly did not happen, and since when. */
  refusals: number;
  refusedSince: number;
  /** Undefined until it is needed. */
  isStopOwed: boolean | undefined;
}

export function progressOf(move: Move, now: number, mayBeRequested: boolean): Progress {
  return {
    move,
    isInherited: move.steps.some(({ state }) => state !== 'planned'),
    attemptsBefore: attemptsBefore(move),
    mayBeRequested,
    isCalling: false,
    holdsPlace: false,
    since: now,
    notBefore: 0,
    readsWithoutTrace: 0,
    silentSince: now,
    readsWithoutReason: 0,
    refusals: 0,
    refusedSince: now,
    isStopOwed: undefined,
  };
}

/** The first step that is not finished; undefined when all are. */
export function currentStep(move: Move): Step | undefined {
  return move.steps.find(({ state }) => state !== 'done' && state !== 'skipped');
}

export function evacuationOf({ steps }: Move): Step | undefined {
  return steps.find(({ kind }) => kind === 'evacuate');
}

/** It was on another host when this flow first saw it: no evacuation of this flow moved it there. */
export function wasFoundElsewhere(move: Move): boolean {
  return evacuationOf(move)?.detail.found === 'elsewhere';
}

/** It ran, and arrived stopped. */
export function mayNeedStart(move: Move): boolean {
  const evacuation = evacuationOf(move);
  const isArrived = evacuation?.state === 'done' && evacuation.detail.arrived === 'stopped';
  return isArrived && move.wanted === 'running' && !move.steps.some(({ kind }) => kind === 'start');
}

/** Evacuations of the instance that were over before the current attempt, or that an operator declared abandoned. */
export function knownTo({ detail }: Step): readonly string[] {
  return Array.isArray(detail.known) ? detail.known.map(String) : [];
}

/** An attempt that failed: its record must not be taken for the end of the next one, which may be invisible in a queue. */
export function withKnown(step: Step, evacuations: readonly Evacuation[]): Step['detail'] {
  return { ...step.detail, known: [...new Set([...knownTo(step), ...evacuations.map(({ id }) => id)])] };
}

export function attemptsOf({ detail }: Step): number {
  return Number(detail.attempts ?? 0);
}

/** Attempts that failed before this loop; an open one counts as this loop's own. */
function attemptsBefore(move: Move): number {
  const step = currentStep(move);
  return step?.kind === 'evacuate' && step.state === 'failed' ? attemptsOf(step) : 0;
}
