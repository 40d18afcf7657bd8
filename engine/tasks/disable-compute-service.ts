/** Takes the compute service of a failed host out of use and tells Nova that it is down, which evacuation demands. */
import { FAILURE_FLOWS } from '#config/pipelines.ts';
import type { ComputeService } from '../cloud/cloud.ts';
import { IgnoreRecovery, TaskFailure } from '../flow/outcome.ts';
import { type Task, type TaskContext, textInput } from '../flow/task.ts';
import { decideLife, FRESH_PROOF_MS, livesMessage } from '../recovery/life-sign.ts';
import { serviceOf } from './compute-service.ts';
import { bringAbout } from './effect.ts';
import { checkHostFilter } from './host-filter.ts';
import { patiently } from './patience.ts';

/** Ends the recovery when a report that the host came back is newer than the death, and the recovery has requested nothing yet. */
async function refuseReturned(context: TaskContext, host: string): Promise<void> {
  const back = await context.returnedSince();
  if (back?.order === 'return newer' && !(await context.hasBegun())) throw leftAlone(context, host, back.sign);
}

function leftAlone(context: TaskContext, host: string, sign: string): IgnoreRecovery {
  return new IgnoreRecovery(livesMessage(host, sign, textInput(context, 'notification_uuid')));
}

/**
 * The service of a host that is to be forced down, once it is clear that the host does not live.
 * @throws IgnoreRecovery when it lives
 */
async function serviceOfTheDead(context: TaskContext, host: string): Promise<ComputeService> {
  const { clock, settings, signal, proof, isResumed } = context;
  // A fencing may be old by the time another engine resumes the flow, or the cloud answers; a person's word is not.
  const begunAt = clock.boottime();
  const isFresh = (): boolean => !isResumed && clock.boottime() - begunAt <= FRESH_PROOF_MS;
  const isRequested = await context.isForceDownRequested();
  const reads: ComputeService[] = [];
  for (;;) {
    const service = await patiently(context, () => serviceOf(context, host));
    reads.push(service);
    const back = await context.returnedSince();
    const isProven = back === null && (proof === 'operator' || (proof === 'fencing' && isFresh()));
    const decision = decideLife(reads, { isRequested, isProven });
    if (decision === 'dead') return service;
    if (back?.order === 'return newer') throw leftAlone(context, host, back.sign);
    if (decision === 'alive') {
      const sign = `lives: its nova-compute reported to Nova at ${service.updatedAt?.toISOString()}`;
      await context.noteLife();
      throw leftAlone(context, host, sign);
    }
    const waitMs = settings.heartbeatWaitMs ?? HEARTBEAT_WAIT_MS;
    context.progress(
      `Nova shows host '${host}' up, last heard of at ${service.updatedAt?.toISOString()}; reading again in ${waitMs / 1000} s`,
      0,
    );
    await clock.sleep(waitMs, signal);
  }
}

/** Of plans that were frozen before this was an option. */
const HEARTBEAT_WAIT_MS = 25_000;

export const disableComputeService: Task = {
  name: 'disable_compute_service_task',
  requires: ['host_name'],
  provides: [],
  flows: FAILURE_FLOWS,

  async run(context) {
    const host = textInput(context, 'host_name');
    const { cloud, settings, signal, globalRequestId } = context;
    context.progress(`Disabling compute service on host: '${host}'`, 0);
    await refuseReturned(context, host);
    let seen: ComputeService | undefined = await serviceOfTheDead(context, host);
    if (!(await context.hasBegun())) await checkHostFilter(context, host);
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
      act: async (service) => {
        await refuseReturned(context, host);
        return cloud.changeService(
          service,
          // A reason that an operator gave for disabling it stays.
          service.status === 'disabled'
            ? { forcedDown: true }
            : { status: 'disabled', disabledReason: settings.hostDisableReason, forcedDown: true },
          { signal, globalRequestId },
        );
      },
      waitMs: settings.waitPeriodAfterServiceUpdateMs,
      late: () => new TaskFailure(`Nova does not show the compute service of host '${host}' as disabled and down`),
    });
    context.progress(`Disabled compute service on host: '${host}'`, 1);
    return {};
  },
};
