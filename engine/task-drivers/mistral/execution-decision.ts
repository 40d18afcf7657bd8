/**
 * Decides the action for an execution that may have been started before. Pure.
 *
 * Invariant: another execution (the next number) is started only after the last one is known to have failed. The same one is started again
 * only while Mistral has never confirmed it, and not if it could have been started, ended and deleted since.
 */
import type { Json } from '../../flow/plan.ts';
import type { EarlierStep } from '../../flow/recovery-history.ts';
import type { StepState } from '../../journal/rows.ts';

/**
 * An execution that was started so long ago may be over and deleted (Mistral's `execution_expiration_policy`; the shortest sensible one is
 * an hour). ms
 */
export const FORGOTTEN_AFTER_MS = 3600_000;

/** The last execution in the journal. */
export interface EarlierExecution {
  readonly number: number;
  readonly state: StepState;
  /** Mistral confirmed that it has it. */
  readonly isConfirmed: boolean;
  /** ms UTC of the first intent. */
  readonly since: number;
  readonly error: string | null;
  readonly outputs: { readonly [name: string]: Json };
}

/** Data of an execution in its step. */
export type ExecutionDetail = {
  readonly number: number;
  readonly execution: string;
  readonly confirmed: boolean;
  readonly since: number;
};

type Kept = Pick<EarlierStep, 'state' | 'detail' | 'error'>;

/** @param steps of this key in the recovery, oldest first, the current one last */
export function lastExecution(steps: readonly Kept[]): EarlierExecution | undefined {
  const touched = steps.filter(({ state }) => state !== 'planned' && state !== 'skipped');
  const last = touched.find(({ state }) => state === 'done') ?? touched.at(-1);
  if (!last) return undefined;
  const { number, confirmed, since, outputs } = last.detail;
  const isStructure = outputs !== null && typeof outputs === 'object' && !Array.isArray(outputs);
  return {
    number: typeof number === 'number' ? number : 0,
    state: last.state,
    isConfirmed: confirmed === true,
    since: typeof since === 'number' ? since : 0,
    error: last.error,
    outputs: isStructure ? (outputs as EarlierExecution['outputs']) : {},
  };
}

export type ExecutionDecision =
  | { readonly do: 'begin'; readonly number: number; readonly since: number }
  | { readonly do: 'await'; readonly number: number; readonly since: number }
  | { readonly do: 'doubt'; readonly reason: string };

/** @param isThere whether Mistral has the last execution */
export function decideExecution(
  started: Exclude<EarlierExecution, { state: 'done' }> | undefined,
  isThere: boolean,
  now: number,
): ExecutionDecision {
  if (started === undefined) return { do: 'begin', number: 1, since: now };
  const { number, state, since } = started;
  if (state === 'unknown') return { do: 'doubt', reason: started.error ?? 'its outcome is unknown' };
  if (state === 'failed') return { do: 'begin', number: number + 1, since: now };
  if (isThere) return { do: 'await', number, since };
  if (started.isConfirmed) {
    return { do: 'doubt', reason: 'Mistral had started it and does not have it any more; a user deleted it' };
  }
  if (now - since > FORGOTTEN_AFTER_MS) {
    const minutes = Math.round((now - since) / 60_000);
    return { do: 'doubt', reason: `it was requested ${minutes} min ago; it may have run and been deleted since` };
  }
  return { do: 'begin', number, since };
}
