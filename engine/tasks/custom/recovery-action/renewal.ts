/** REBOOT and REBUILD of one instance, where it lies. */
import type { Instance, RebootType } from '../../../cloud/cloud.ts';
import type { TaskContext } from '../../../flow/task.ts';
import { type AskedFacts, type AskedLimits, decideAsked } from '../../../recovery/asked-action.ts';
import type { InstanceSnapshot } from '../../../recovery/original-state.ts';
import { badly, type Fate, well } from './actions.ts';
import { askFor } from './asked-action.ts';

export interface Renewal {
  readonly kind: 'reboot' | 'rebuild';
  readonly key: string;
  readonly rebootType: RebootType;
}

export async function renew(context: TaskContext, renewal: Renewal, snapshot: InstanceSnapshot): Promise<Fate> {
  const { cloud, signal, globalRequestId, settings } = context;
  const { kind, key, rebootType } = renewal;
  const { uuid, vmState, taskState } = snapshot;
  const options = { signal, globalRequestId };
  const limits: AskedLimits = { effectMs: effectLimit(kind, context), queueWaitMs: settings.evacuationQueueWaitMs };
  const { state, reason } = await askFor(context, {
    kind,
    key,
    uuid,
    before: { vmState, taskState },
    action: kind,
    decide: async (facts) => decideAsked({ ...facts, isHostUp: await isHostUp(context, facts) }, limits),
    request: () => (kind === 'reboot' ? cloud.reboot(uuid, rebootType, options) : cloud.rebuild(uuid, options)),
  });
  return state === 'failed' || state === 'unknown' ? badly(snapshot, reason ?? 'it failed') : well(snapshot);
}

/** A rebuild copies an image; the options for it are those of an evacuation, which is a rebuild elsewhere. */
function effectLimit(kind: Renewal['kind'], { settings }: TaskContext): number {
  return kind === 'rebuild'
    ? settings.waitPeriodAfterEvacuationMs
    : settings.waitPeriodAfterPowerOffMs + settings.waitPeriodAfterPowerOnMs;
}

/** Only before a call it counts whether somebody takes orders there. */
async function isHostUp(
  { cloud, signal }: TaskContext,
  { instance, state }: { readonly instance: Instance | 'gone'; readonly state: AskedFacts['state'] },
): Promise<boolean> {
  if (instance === 'gone' || state === 'sent' || instance.taskState !== null) return true;
  const service = instance.host === null ? undefined : await cloud.computeService(instance.host, { signal });
  return service?.state === 'up';
}
