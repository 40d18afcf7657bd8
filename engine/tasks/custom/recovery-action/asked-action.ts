/**
 * Asks Nova for one thing about one instance as one step of the journal, and sees it through. What to do next is decided in
 * `engine/recovery/`.
 */
import { type Accepted, CloudError, type Instance, type InstanceAction, isOutage } from '../../../cloud/cloud.ts';
import { crashPoint } from '../../../crash-points.ts';
import type { Step } from '../../../flow/step-ledger.ts';
import type { EarlierStep, TaskContext, Values } from '../../../flow/task.ts';
import { type AskedDecision, type AskedFacts, isWordless } from '../../../recovery/asked-action.ts';
import { failureOf, Patience } from '../../patience.ts';

export interface Asking {
  /** Of the step in the journal. */
  readonly kind: string;
  /** The same in every flow of the recovery. */
  readonly key: string;
  readonly uuid: string;
  readonly before: Values;
  /** What Nova's os-instance-actions call it. */
  readonly action: string;
  decide(facts: Omit<AskedFacts, 'isHostUp'>): AskedDecision | Promise<AskedDecision>;
  request(context: TaskContext): Promise<Accepted>;
  /** Whether there is room for it now; asked before each call. Without it there always is. */
  mayCall?(): boolean;
  /** Told at the start when another flow or engine may have asked for it, and it may go on. */
  underway?(): void;
  /** What to note when it is done. */
  outcome?(instance: Instance): Values;
}

export interface Asked {
  readonly state: 'done' | 'skipped' | 'failed' | 'unknown';
  readonly reason: string | null;
}

interface Seen {
  readonly instance: Instance | 'gone';
  readonly actions: readonly InstanceAction[];
}

export async function askFor(context: TaskContext, asking: Asking): Promise<Asked> {
  const { clock, settings, signal, steps } = context;
  const { kind, key, uuid, before } = asking;
  const earlier = await context.earlierSteps(key);
  if (earlier.some(({ state }) => state === 'done')) return { state: 'done', reason: null };
  const [step] = await steps.plan([{ key, kind, object: uuid, before }]);
  if (!step) throw new Error('the journal planned no step');
  if (step.state === 'done' || step.state === 'skipped') return { state: step.state, reason: step.error };
  let state = startOf(step, earlier);
  let known = knownOf(step, earlier);
  if (state !== 'planned') asking.underway?.();
  const patience = new Patience(context);
  /** Answers to looks do not make up for calls that are never answered. */
  const callPatience = new Patience(context);
  let [elapsedMs, silentMs, silentLooks, wordlessLooks] = [0, 0, 0, 0];
  let lastLook: number | undefined;
  for (;;) {
    let seen: Seen;
    let decision: AskedDecision;
    try {
      seen = await look(context, uuid);
      const now = clock.boottime();
      elapsedMs += now - (lastLook ?? now);
      if (silentLooks > 0) silentMs += now - (lastLook ?? now);
      lastLook = now;
      const since = seen.actions.filter((one) => one.action === asking.action && !known.includes(one.requestId));
      // Others ask for the same; where Nova's answer is known, it says which one is ours.
      const action = (state === 'sent' && since.find(({ requestId }) => requestId === step.requestId)) || since[0];
      const { instance } = seen;
      wordlessLooks = instance !== 'gone' && isWordless(instance) ? wordlessLooks + 1 : 0;
      decision = await asking.decide({ instance, state, action, elapsedMs, silentLooks, silentMs, wordlessLooks });
      patience.answered();
    } catch (error) {
      lastLook = undefined;
      await patience.endure(error);
      continue;
    }
    if (decision.do === 'settle') {
      const { state: end, reason } = decision;
      const outcome = end === 'done' && seen.instance !== 'gone' ? asking.outcome?.(seen.instance) : undefined;
      const detail = outcome ? { detail: { ...step.detail, ...outcome } } : {};
      await steps.settle([{ step, state: end, error: reason, ...detail }]);
      return { state: end, reason };
    }
    if (decision.do === 'note silence') silentLooks += 1;
    // Time that is spent waiting for room counts for no limit.
    if (decision.do === 'call' && asking.mayCall?.() === false) lastLook = undefined;
    else if (decision.do === 'call') {
      known = seen.actions.map(({ requestId }) => requestId);
      const answer = await call(context, asking, step, known, callPatience);
      if (answer.state === 'failed') return answer;
      state = answer.state;
      [elapsedMs, silentMs, silentLooks] = [0, 0, 0];
      lastLook = undefined;
      // After a call that failed there was a pause already.
      if (state !== 'sent') continue;
    }
    await clock.sleep(settings.verifyIntervalMs, signal);
  }
}

/** What the last flow that did more than plan it left of it: one that only looked on, and died, says nothing. */
export function lastTouched(earlier: readonly EarlierStep[]): EarlierStep | undefined {
  return earlier.findLast(({ state }) => state !== 'planned');
}

/** What another try or flow left of it: one that failed is asked for anew. */
function startOf(step: Step, earlier: readonly EarlierStep[]): Step['state'] {
  const last = step.state === 'planned' ? lastTouched(earlier)?.state : step.state;
  return last === undefined || last === 'failed' || last === 'skipped' ? 'planned' : last;
}

/** Request ids of what had been asked of the instance before the last intent. */
function knownOf(step: Step, earlier: readonly EarlierStep[]): readonly string[] {
  const { known } = (step.state === 'planned' ? lastTouched(earlier)?.detail : step.detail) ?? {};
  return Array.isArray(known) ? known.map(String) : [];
}

/** The actions first: when one shows and the instance, looked at after it, has no task, the action is over. */
async function look({ cloud, signal }: TaskContext, uuid: string): Promise<Seen> {
  try {
    const actions = await cloud.instanceActions(uuid, { signal });
    const instance = await cloud.instance(uuid, { signal });
    if (!instance || instance.vmState === 'deleted') return { instance: 'gone', actions: [] };
    return { instance, actions };
  } catch (error) {
    if (error instanceof CloudError && error.kind === 'not_found') return { instance: 'gone', actions: [] };
    throw error;
  }
}

type Called =
  | { readonly state: 'sent' | 'unknown' | 'planned' }
  | { readonly state: 'failed'; readonly reason: string };

async function call(
  context: TaskContext,
  asking: Asking,
  step: Step,
  known: readonly string[],
  patience: Patience,
): Promise<Called> {
  const { budgets, signal, steps } = context;
  await steps.intend([{ step, detail: { known } }]);
  try {
    const { requestId } = await budgets.requests.run(() => asking.request(context), signal);
    crashPoint('step.after-call');
    await steps.settle([{ step, state: 'sent', requestId }]);
    crashPoint('step.after-sent');
    return { state: 'sent' };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (!(error instanceof CloudError)) throw error;
    if (error.kind === 'unauthorized') throw failureOf(error);
    // Of an instance that is gone the next look tells; what did not leave certainly did not happen.
    const { kind, message } = error;
    const state = kind === 'unknown' ? 'unknown' : 'planned';
    if (isOutage(error) || kind === 'not_found') {
      await steps.settle([{ step, state, error: message }]);
      if (kind !== 'not_found') await patience.endure(error);
      return { state };
    }
    await steps.settle([{ step, state: 'failed', error: message }]);
    return { state: 'failed', reason: message };
  }
}
