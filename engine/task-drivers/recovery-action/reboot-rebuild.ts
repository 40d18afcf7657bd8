/** REBOOT and REBUILD of one instance, where it lies. */
import type { Instance, RebootType } from '../../../cloud/cloud.ts';
import type { TaskContext } from '../../../flow/task.ts';
import { type AskedFacts, type AskedLimits, decideAsked } from '../../../recovery/asked-action.ts';
import type { InstanceSnapshot } from '../../../recovery/original-state.ts';
import { downHostOf } from '../../instance.ts';
import { badly, type Fate, left, well } from './actions.ts';
import { askFor } from './asked-action.ts';

export interface Renewal {
  readonly kind: 'reboot' | 'rebuild';
  readonly key: string;
  readonly rebootType: RebootType;
}

export async function renew(context: TaskContext, renewal: Renewal, snapshot: InstanceSnapshot): Promise<Fate> {
  const { cloud, signal, globalRequestId } = context;
  const { kind, key, rebootType } = renewal;
  const { uuid, vmState, taskState } = snapshot;
  const options = { signal, globalRequestId };
  const limits = limitsOf(kind, context);
  const { state, reason } = await askFor(context, {
    kind,
    key,
    uuid,
    before: { vmState, taskState },
    action: kind,
    busyMs: limits.effectMs,
    decide: async (facts) => decideAsked({ ...facts, isHostUp: await isHostUp(context, facts) }, limits),
    request: () => (kind === 'reboot' ? cloud.reboot(uuid, rebootType, options) : cloud.rebuild(uuid, options)),
  });
  if (state === 'skipped') return left(snapshot, reason ?? `there was nothing to ${kind}`);
  return state === 'done' ? well(snapshot) : badly(snapshot, reason ?? 'it failed');
}

/** A rebuild copies an image; the options for it are those of an evacuation, which is a rebuild elsewhere. */
function limitsOf(kind: Renewal['kind'], { settings }: TaskContext): AskedLimits {
  const power = settings.waitPeriodAfterPowerOffMs + settings.waitPeriodAfterPowerOnMs;
  return {
    effectMs: kind === 'rebuild' ? settings.waitPeriodAfterEvacuationMs : power,
    queueWaitMs: settings.evacuationQueueWaitMs,
    calls: settings.evacuationRetries + 1,
  };
}

/** Only before a call it counts whether somebody takes orders there. */
async function isHostUp(
  context: TaskContext,
  { instance, state }: { readonly instance: Instance | 'gone'; readonly state: AskedFacts['state'] },
): Promise<boolean> {
  if (instance === 'gone' || state === 'sent' || instance.taskState !== null) return true;
  return instance.host !== null && (await downHostOf(context, instance)) === undefined;
}
