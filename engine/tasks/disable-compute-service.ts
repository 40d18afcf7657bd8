/** Takes the compute service of a failed host out of use and tells Nova that it is down, which evacuation demands. */
import { FAILURE_FLOWS } from '#config/pipelines.ts';
import type { ComputeService } from '../cloud/cloud.ts';
import { TaskFailure } from '../flow/outcome.ts';
import { type Task, type TaskContext, textInput } from '../flow/task.ts';
import { bringAbout } from './effect.ts';

export async function serviceOf(context: TaskContext, host: string): Promise<ComputeService> {
  const service = await context.cloud.computeService(host, { signal: context.signal });
  if (service) return service;
  throw new TaskFailure(
    `Nova knows no nova-compute service on host '${host}'; the name must be the one that "openstack compute service list" shows`,
  );
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
    await bringAbout<ComputeService>(context, {
      key: `force-down:${host}`,
      kind: 'disable_service',
      object: host,
      look: () => serviceOf(context, host),
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
