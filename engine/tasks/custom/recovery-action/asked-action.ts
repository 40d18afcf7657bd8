/** Reboots or rebuilds one instance as one step of the journal; what to do next is decided in `engine/recovery/asked-action.ts`. */
import {
  type Accepted,
  CloudError,
  type Instance,
  type InstanceAction,
  isOutage,
  type RebootType,
} from '../../../cloud/cloud.ts';
import { crashPoint } from '../../../crash-points.ts';
import type { Step } from '../../../flow/step-ledger.ts';
import type { EarlierStep, TaskContext } from '../../../flow/task.ts';
import { type AskedLimits, decideAsked, isWordless } from '../../../recovery/asked-action.ts';
import type { InstanceSnapshot } from '../../../recovery/original-state.ts';
import { failureOf, Patience } from '../../patience.ts';
import { badly, type Fate, well } from './actions.ts';

export interface Asking {
  readonly kind: 'reboot' | 'rebuild';
  /** Of the step in the journal: the same in every flow of the recovery. */
  readonly key: string;
  readonly rebootType: RebootType;
}

interface Seen {
  readonly instance: Instance | 'gone';
  readonly actions: readonly InstanceAction[];
  readonly isHostUp: boolean;
}

export async function askFor(context: TaskContext, asking: Asking, snapshot: InstanceSnapshot): Promise<Fate> {
  const { clock, settings, signal, steps } = context;
  const { uuid } = snapshot;
  const earlier = await context.earlierSteps(asking.key);
  if (earlier.some(({ state }) => state === 'done')) return well(snapshot);
  const before = { vmState: snapshot.vmState, taskState: snapshot.taskState };
  const [step] = await steps.plan([{ key: asking.key, kind: asking.kind, object: uuid, before }]);
  if (!step) throw new Error('the journal planned no step');
  if (step.state === 'done' || step.state === 'skipped') return well(snapshot);
  let state = startOf(step, earlier);
  let known = knownOf(step, earlier);
  const limits: AskedLimits = { effectMs: effectLimit(asking, context), queueWaitMs: settings.evacuationQueueWaitMs };
  const patience = new Patience(context);
  /** Answers to looks do not make up for calls that are never answered. */
  const callPatience = new Patience(context);
  let [elapsedMs, silentMs, silentLooks, wordlessLooks] = [0, 0, 0, 0];
  let lastLook: number | undefined;
  for (;;) {
    let seen: Seen;
    try {
      seen = await look(context, uuid, state);
      patience.answered();
    } catch (error) {
      lastLook = undefined;
      await patience.endure(error);
      continue;
    }
    const now = clock.boottime();
    elapsedMs += now - (lastLook ?? now);
    if (silentLooks > 0) silentMs += now - (lastLook ?? now);
    lastLook = now;
    const since = seen.actions.filter((one) => one.action === asking.kind && !known.includes(one.requestId));
    // Users ask for the same; where Nova's answer is known, it says which one is ours.
    const action = (state === 'sent' && since.find(({ requestId }) => requestId === step.requestId)) || since[0];
    wordlessLooks = seen.instance !== 'gone' && isWordless(seen.instance) ? wordlessLooks + 1 : 0;
    const facts = { ...seen, state, action, elapsedMs, silentLooks, silentMs, wordlessLooks };
    const decision = decideAsked(facts, limits);
    if (decision.do === 'settle') {
      await steps.settle([{ step, state: decision.state, error: decision.reason }]);
      const isWell = decision.state === 'done' || decision.state === 'skipped';
      return isWell ? well(snapshot) : badly(snapshot, decision.reason ?? 'it failed');
    }
    if (decision.do === 'note silence') silentLooks += 1;
    if (decision.do === 'call') {
      known = seen.actions.map(({ requestId }) => requestId);
      const answer = await call(context, asking, step, known, callPatience);
      if (answer.state === 'failed') return badly(snapshot, answer.reason);
      state = answer.state;
      [elapsedMs, silentMs, silentLooks] = [0, 0, 0];
      lastLook = undefined;
      // After a call that failed there was a pause already.
      if (state !== 'sent') continue;
    }
    await clock.sleep(settings.verifyIntervalMs, signal);
  }
}

/** What another try or flow left of it; a flow that only planned it says nothing. */
function lastTouched(step: Step, earlier: readonly EarlierStep[]): Pick<Step, 'state' | 'detail'> | undefined {
  return step.state === 'planned' ? earlier.findLast(({ state }) => state !== 'planned') : step;
}

/** One that failed is asked for anew. */
function startOf(step: Step, earlier: readonly EarlierStep[]): Step['state'] {
  const last = lastTouched(step, earlier)?.state;
  return last === undefined || last === 'failed' || last === 'skipped' ? 'planned' : last;
}

/** Request ids of what had been asked of the instance before the last intent. */
function knownOf(step: Step, earlier: readonly EarlierStep[]): readonly string[] {
  const { known } = lastTouched(step, earlier)?.detail ?? {};
  return Array.isArray(known) ? known.map(String) : [];
}

/** A rebuild copies an image; the options for it are those of an evacuation, which is a rebuild elsewhere. */
function effectLimit({ kind }: Asking, { settings }: TaskContext): number {
  return kind === 'rebuild'
    ? settings.waitPeriodAfterEvacuationMs
    : settings.waitPeriodAfterPowerOffMs + settings.waitPeriodAfterPowerOnMs;
}

/** The actions first: when one shows and the instance, looked at after it, has no task, the action is over. */
async function look({ cloud, signal }: TaskContext, uuid: string, state: Step['state']): Promise<Seen> {
  try {
    const actions = await cloud.instanceActions(uuid, { signal });
    const instance = await cloud.instance(uuid, { signal });
    if (!instance || instance.vmState === 'deleted') return { instance: 'gone', actions: [], isHostUp: true };
    // Only before a call it counts whether somebody takes orders there.
    if (state === 'sent' || instance.taskState !== null) return { instance, actions, isHostUp: true };
    const service = instance.host === null ? undefined : await cloud.computeService(instance.host, { signal });
    return { instance, actions, isHostUp: service?.state === 'up' };
  } catch (error) {
    if (error instanceof CloudError && error.kind === 'not_found') {
      return { instance: 'gone', actions: [], isHostUp: true };
    }
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
    const { requestId } = await budgets.requests.run(() => request(context, asking, step.object), signal);
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

function request({ cloud, signal, globalRequestId }: TaskContext, asking: Asking, uuid: string): Promise<Accepted> {
  const options = { signal, globalRequestId };
  return asking.kind === 'reboot' ? cloud.reboot(uuid, asking.rebootType, options) : cloud.rebuild(uuid, options);
}
