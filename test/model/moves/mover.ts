/**
 * The engine's side of a move as values: the steps of one instance in the journal, and the state of the loop in memory. Pure. It follows
 * engine/evacuation/loop.ts; the decision itself is the real one, or one with a planted fault.
 */
import type { Evacuation } from '#engine/cloud/cloud.ts';
import { isPartial } from '#engine/cloud/reading.ts';
import {
  decideMove,
  type MoveDecision,
  type MoveFacts,
  type MoveLimits,
  type MoveStepKind,
  READS_WITHOUT_TRACE,
} from '#engine/evacuation/evacuation-decision.ts';
import type { Wanted } from '#engine/evacuation/original-state-decision.ts';
import type { StepState } from '#engine/journal/rows.ts';
import { evacuationsIn, instanceIn, type Nova, QUEUE_TICKS, SOURCE } from './nova.ts';

export interface JournaledStep {
  readonly kind: MoveStepKind;
  readonly state: StepState;
  readonly attempts: number;
  /** Records that were over before the current attempt. */
  readonly known: readonly string[];
}

export interface Mover {
  readonly wanted: Wanted;
  readonly steps: readonly JournaledStep[];
  readonly isInherited: boolean;
  readonly attemptsBefore: number;
  /** Ticks since the current step's call, or this engine's first read of it. */
  readonly since: number;
  readonly readsWithoutTrace: number;
  readonly silentFor: number;
  /** Ticks until the next closer read or call. */
  readonly pause: number;
  /** Records as they were when the flow began, newest first. */
  readonly base: readonly Evacuation[];
  /** An earlier flow requested an evacuation of which it does not know the end. */
  readonly isRequested: boolean;
  /** The same, and this engine has neither waited for it nor called since. */
  readonly mayBeRequested: boolean;
  readonly result: 'moved' | 'failed' | null;
  readonly deaths: number;
  readonly rounds: number;
}

export type Decide = typeof decideMove;

/** Everything that a control can plant a fault into. */
export interface Rules {
  readonly decide: Decide;
  /** Whether a decision is made although Nova does not answer about the instance. */
  readonly trustsNoAnswer: boolean;
  /** Whether an attempt that failed leaves its record behind as known. */
  readonly keepsRecords: boolean;
  /** Whether a new flow knows what an earlier one requested. */
  readonly remembersRequests: boolean;
}

export const RULES: Rules = {
  decide: decideMove,
  trustsNoAnswer: false,
  keepsRecords: true,
  remembersRequests: true,
};

const TICK_MS = 1000;
export const LIMITS: MoveLimits = {
  evacuationMs: 6 * TICK_MS,
  powerOffMs: 3 * TICK_MS,
  queueWaitMs: (QUEUE_TICKS + 1) * TICK_MS,
  attempts: 2,
};
/** No count of ticks means more than this one. */
const MOST = 8;
const OVER = new Set(['done', 'completed', 'failed', 'error', 'cancelled', 'confirmed', 'reverted']);

export function moverFor(kinds: readonly MoveStepKind[], wanted: Wanted): Mover {
  const steps = kinds.map((kind) => ({ kind, state: 'planned' as const, attempts: 0, known: [] }));
  const memory = { isInherited: false, attemptsBefore: 0, since: 0, readsWithoutTrace: 0, silentFor: 0, pause: 0 };
  return {
    wanted,
    steps,
    ...memory,
    base: [],
    isRequested: false,
    mayBeRequested: false,
    result: null,
    deaths: 0,
    rounds: 0,
  };
}

export function currentOf({ steps }: Mover): JournaledStep | undefined {
  return steps.find(({ state }) => state !== 'done' && state !== 'skipped');
}

export function withStep(mover: Mover, step: JournaledStep, change: Partial<JournaledStep>): Mover {
  return { ...mover, steps: mover.steps.map((one) => (one.kind === step.kind ? { ...one, ...change } : one)) };
}

/** One read of Nova and the decision that follows; undefined: Nova gave no answer, and nothing was decided. */
export function readAndDecide(
  mover: Mover,
  nova: Nova,
  rules: Rules,
): { decision: MoveDecision; mover: Mover } | undefined {
  const step = currentOf(mover);
  const instance = instanceIn(nova);
  if (!step || (isPartial(instance) && !rules.trustsNoAnswer)) return undefined;
  const isNews = ({ id }: { readonly id: string }): boolean => !step.known.includes(id);
  const records = evacuationsIn(nova);
  const isUntouched = step.state === 'planned' && step.kind === 'evacuate' && !mover.mayBeRequested;
  const facts = (isClose: boolean): MoveFacts => ({
    source: SOURCE,
    wanted: mover.wanted,
    step: { kind: step.kind, state: step.state, error: null },
    instance,
    evacuations: isClose ? records.filter(isNews) : isUntouched ? mover.base.filter(isNews) : 'not read',
    migration: isClose ? null : 'not read',
    mayBeRequested: mover.mayBeRequested,
    elapsedMs: mover.since * TICK_MS,
    readsWithoutTrace: mover.readsWithoutTrace,
    withoutTraceMs: mover.silentFor * TICK_MS,
    attempts: step.attempts - mover.attemptsBefore,
    isExact: isClose,
  });
  let decision: MoveDecision = mover.isInherited ? { do: 'read details' } : rules.decide(facts(false), LIMITS);
  if (decision.do !== 'read details') return { decision, mover };
  if (mover.pause > 0) return { decision: { do: 'wait' }, mover };
  decision = rules.decide(facts(true), LIMITS);
  return { decision, mover: { ...mover, isInherited: false } };
}

/** The effect on the steps of a decision other than a call. */
export function take(mover: Mover, decision: MoveDecision, nova: Nova, rules: Rules): Mover {
  const step = currentOf(mover);
  if (!step) return mover;
  switch (decision.do) {
    case 'note silence': {
      const first = mover.readsWithoutTrace === 0 ? { silentFor: 0 } : {};
      return {
        ...mover,
        ...first,
        readsWithoutTrace: Math.min(READS_WITHOUT_TRACE, mover.readsWithoutTrace + 1),
        pause: 1,
      };
    }
    case 'fail':
      return { ...mover, result: 'failed' };
    case 'leave open':
      return { ...withStep(mover, step, { state: 'unknown' }), result: 'failed' };
    case 'settle': {
      const seen = rules.keepsRecords ? evacuationsIn(nova).map(({ id }) => id) : [];
      return whole(settled(mover, step, decision.state, seen));
    }
    default:
      return mover;
  }
}

export function settled(mover: Mover, step: JournaledStep, state: StepState, seen: readonly string[]): Mover {
  const known = state === 'failed' && step.kind === 'evacuate' ? { known: [...new Set([...step.known, ...seen])] } : {};
  return { ...withStep(mover, step, { state, ...known }), since: 0, readsWithoutTrace: 0 };
}

function whole(mover: Mover): Mover {
  return currentOf(mover) ? mover : { ...mover, result: 'moved' };
}

/** One tick passes. Time in which Nova does not answer counts for no limit. */
export function wait(mover: Mover, nova: Nova): Mover {
  const isSeen = nova.cell !== 'down';
  const later = (ticks: number): number => Math.min(MOST, isSeen ? ticks + 1 : ticks);
  // What was silent before a time without an answer has to be silent again.
  const readsWithoutTrace = isSeen ? mover.readsWithoutTrace : 0;
  const silentFor = readsWithoutTrace === 0 ? 0 : later(mover.silentFor);
  return { ...mover, since: later(mover.since), readsWithoutTrace, silentFor, pause: Math.max(0, mover.pause - 1) };
}

/** Another engine takes the flow up. */
export function resumed(mover: Mover, nova: Nova): Mover {
  const step = currentOf(mover);
  return {
    ...mover,
    isInherited: mover.steps.some(({ state }) => state !== 'planned'),
    attemptsBefore: step?.kind === 'evacuate' && step.state === 'failed' ? step.attempts : 0,
    since: 0,
    readsWithoutTrace: 0,
    silentFor: 0,
    pause: 0,
    base: evacuationsIn(nova),
    mayBeRequested: mover.isRequested,
    deaths: mover.deaths + 1,
  };
}

/** The next round: a flow of its own. It knows the finished evacuations, and the requests of an earlier flow that may be in progress. */
export function nextRound(mover: Mover, nova: Nova, rules: Rules): Mover {
  const isRequested = rules.remembersRequests && mayBeOnItsWay(mover);
  const records = evacuationsIn(nova);
  const known = records.filter(({ status }) => OVER.has(status)).map(({ id }) => id);
  const left = mover.steps.filter(({ state }) => state !== 'done' && state !== 'skipped');
  const steps = left.map(({ kind }) => ({
    kind,
    state: 'planned' as const,
    attempts: 0,
    known: kind === 'evacuate' ? known : [],
  }));
  return {
    ...moverFor([], mover.wanted),
    steps,
    base: records,
    isRequested,
    mayBeRequested: isRequested,
    deaths: mover.deaths,
    rounds: mover.rounds + 1,
  };
}

/** Whether a request of this flow may still be on its way when it has ended. */
function mayBeOnItsWay({ steps, isRequested }: Mover): boolean {
  return (
    isRequested || steps.some(({ kind, state }) => kind === 'evacuate' && ['intent', 'sent', 'unknown'].includes(state))
  );
}
