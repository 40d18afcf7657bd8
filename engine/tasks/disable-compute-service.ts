/** Takes the compute service of a failed host out of use and tells Nova that it is down, which evacuation demands. */
import { FAILURE_FLOWS } from '#config/pipelines.ts';
import type { ComputeService } from '../cloud/cloud.ts';
import { IgnoreRecovery, TaskFailure } from '../flow/outcome.ts';
import { type Task, type TaskContext, textInput } from '../flow/task.ts';
import { HEARTBEAT_WAIT_MS, isAlive, livesMessage, mayBeAlive } from '../recovery/life-sign.ts';
import { bringAbout } from './effect.ts';
import { patiently } from './patience.ts';

export async function serviceOf(context: TaskContext, host: string): Promise<ComputeService> {
  const service = await context.cloud.computeService(host, { signal: context.signal });
  if (service) return service;
  throw new TaskFailure(
    `Nova knows no nova-compute service on host '${host}'; the name must be the one that "openstack compute service list" shows`,
  );
}

/**
 * The service of a host that is to be forced down. One of which Nova heard long after the death is looked at again.
 * @throws IgnoreRecovery when it lives
 */
async function serviceOfTheDead(context: TaskContext, host: string): Promise<ComputeService> {
  const look = () => patiently(context, () => serviceOf(context, host));
  const service = await look();
  const { clock, deadSince, isResumed, signal } = context;
  // Of a flow that goes on, what Nova noted last is likely its own call.
  if (deadSince === null || isResumed || !mayBeAlive(service, deadSince)) return service;
  context.progress(
    `Nova heard of host '${host}' at ${service.updatedAt?.toISOString()}, after its death; looking again in ${HEARTBEAT_WAIT_MS / 1000} s`,
    0,
  );
  await clock.sleep(HEARTBEAT_WAIT_MS, signal);
  const later = await look();
  if (!isAlive(service, later)) return later;
  const sign = `lives: its nova-compute told Nova of itself at ${later.updatedAt?.toISOString()}`;
  throw new IgnoreRecovery(livesMessage(host, sign, textInput(context, 'notification_uuid')));
}

export const disableComputeService: Task = {
  name: 'disable_compute_service_task',
  requires: ['host_name'],
  provides: [],
  flows: FAILURE_FLOWS,

  async run(context) {
    const host = textInput(context, 'host_name');
    const { cloud, settings, signal, globalRequestId } = context;
    context.progress(`Disabling compute service on host: '${host}'`, 0);
    let seen: ComputeService | undefined = await serviceOfTheDead(context, host);
    const look = async (): Promise<ComputeService> => {
      const service = seen ?? (await serviceOf(context, host));
      seen = undefined;
      return service;
    };
    await bringAbout<ComputeService>(context, {
      key: `force-down:${host}`,
      kind: 'disable_service',
      object: host,
      look,
      before: ({ status, state, forcedDown, disabledReason }) => ({ status, state, forcedDown, disabledReason }),
      judge: ({ status, state, forcedDown }) => {
        if (status !== 'disabled' || !forcedDown) return 'absent';
        return state === 'down' ? 'done' : 'underway';
      },
      act: (service) =>
        cloud.changeService(
          service,
          // A reason that an operator gave for disabling it stays.
          service.status === 'disabled'
            ? { forcedDown: true }
            : { status: 'disabled', disabledReason: settings.hostDisableReason, forcedDown: true },
          { signal, globalRequestId },
        ),
      waitMs: settings.waitPeriodAfterServiceUpdateMs,
      late: () => new TaskFailure(`Nova does not show the compute service of host '${host}' as disabled and down`),
    });
    context.progress(`Disabled compute service on host: '${host}'`, 1);
    return {};
  },
};
