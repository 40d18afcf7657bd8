/** One instance on its way off a failed host: its steps in the journal, and what the loop remembers besides them. */
import type { Evacuation } from '../cloud/cloud.ts';
import type { Fault } from '../flow/outcome.ts';
import type { Step } from '../flow/step-ledger.ts';
import type { InstanceSnapshot, Wanted } from '../recovery/original-state.ts';

export interface MoveResult {
  readonly ok: boolean;
  readonly reason: string | null;
  /** `outage`: it failed for want of an answer only. */
  readonly fault?: Fault;
}

export interface Move {
  readonly snapshot: InstanceSnapshot;
  readonly wanted: Wanted;
  /** In the order in which they are done; a start is added when it proves to be needed. */
  readonly steps: Step[];
  /** Null while it is under way. */
  result: MoveResult | null;
}

export interface Progress {
  readonly move: Move;
  /** Another attempt or engine called for it; the first look finds out what became of that. */
  isInherited: boolean;
  /** Evacuations of it that other attempts or engines requested: this one has its own number. */
  readonly attemptsBefore: number;
  /** An earlier flow may have requested an evacuation that nobody saw, and this flow has not waited for it yet. */
  mayBeRequested: boolean;
  isCalling: boolean;
  holdsPlace: boolean;
  /** CLOCK_BOOTTIME ms of the current step's call, or of this engine's first look at it; later by times without an answer. */
  since: number;
  /** No call and no closer look before this time. */
  notBefore: number;
  silentLooks: number;
  silentSince: number;
  wordlessLooks: number;
  /** Calls in a row that certainly did not happen, and since when. */
  refusals: number;
  refusedSince: number;
  /** Undefined while nobody needed to know. */
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
    silentLooks: 0,
    silentSince: now,
    wordlessLooks: 0,
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

/** It was on another host when this flow first saw it: no evacuation of this flow brought it there. */
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

/** An attempt that failed: its record must not be taken for the end of the next one, which may be unseen in a queue. */
export function withKnown(step: Step, evacuations: readonly Evacuation[]): Step['detail'] {
  return { ...step.detail, known: [...new Set([...knownTo(step), ...evacuations.map(({ id }) => id)])] };
}

export function attemptsOf({ detail }: Step): number {
  return Number(detail.attempts ?? 0);
}

/** Attempts that failed before this loop; one that is still open counts as this loop's own. */
function attemptsBefore(move: Move): number {
  const step = currentStep(move);
  return step?.kind === 'evacuate' && step.state === 'failed' ? attemptsOf(step) : 0;
}
