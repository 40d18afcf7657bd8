/** REBOOT and REBUILD of one instance on its host. */
import type { Instance, RebootType } from '../../cloud/cloud.ts';
import type { InstanceSnapshot } from '../../evacuation/original-state-decision.ts';
import type { TaskContext } from '../../flow/task.ts';
import { downHostOf } from '../../tasks/instance.ts';
import { badly, left, type Outcome, well } from './actions.ts';
import { requestAction } from './instance-action.ts';
import {
  decideInstanceAction,
  type InstanceActionFacts,
  type InstanceActionLimits,
} from './instance-action-decision.ts';

export interface Renewal {
  readonly kind: 'reboot' | 'rebuild';
  readonly key: string;
  readonly rebootType: RebootType;
}

export async function renew(context: TaskContext, renewal: Renewal, snapshot: InstanceSnapshot): Promise<Outcome> {
  const { cloud, signal, globalRequestId } = context;
  const { kind, key, rebootType } = renewal;
  const { uuid, vmState, taskState } = snapshot;
  const options = { signal, globalRequestId };
  const limits = limitsOf(kind, context);
  const { state, reason } = await requestAction(context, {
    kind,
    key,
    uuid,
    before: { vmState, taskState },
    action: kind,
    busyMs: limits.effectMs,
    decide: async (facts) => decideInstanceAction({ ...facts, isHostUp: await isHostUp(context, facts) }, limits),
    request: () => (kind === 'reboot' ? cloud.reboot(uuid, rebootType, options) : cloud.rebuild(uuid, options)),
  });
  if (state === 'skipped') return left(snapshot, reason ?? `there was nothing to ${kind}`);
  return state === 'done' ? well(snapshot) : badly(snapshot, reason ?? 'it failed');
}

/** A rebuild copies an image; its options are those of an evacuation, which is a rebuild elsewhere. */
function limitsOf(kind: Renewal['kind'], { settings }: TaskContext): InstanceActionLimits {
  const power = settings.waitPeriodAfterPowerOffMs + settings.waitPeriodAfterPowerOnMs;
  return {
    effectMs: kind === 'rebuild' ? settings.waitPeriodAfterEvacuationMs : power,
    queueWaitMs: settings.evacuationQueueWaitMs,
    calls: settings.evacuationRetries + 1,
  };
}

/** Only before a call it matters whether the nova-compute there accepts requests. */
async function isHostUp(
  context: TaskContext,
  { instance, state }: { readonly instance: Instance | 'gone'; readonly state: InstanceActionFacts['state'] },
): Promise<boolean> {
  if (instance === 'gone' || state === 'sent' || instance.taskState !== null) return true;
  return instance.host !== null && (await downHostOf(context, instance)) === undefined;
}
