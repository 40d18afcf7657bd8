/** Disables the compute service of a failed host and marks it as down in Nova, which evacuation requires. */
import { FAILURE_FLOWS } from '#config/pipelines/pipelines.ts';
import type { ComputeService } from '../cloud/cloud.ts';
import { IgnoreRecovery, TaskFailure } from '../flow/outcome.ts';
import { type BuiltInTask, type TaskContext, textInput } from '../flow/task.ts';
import { decideLife, FRESH_PROOF_MS, livesMessage } from '../intake/host-liveness-decision.ts';
import type { AddDecision } from '../journal/mutations.ts';
import { serviceOf } from './compute-service.ts';
import { bringAbout } from './convergence.ts';
import { deathDecision } from './death-record.ts';
import { checkHostFilter } from './host-filter.ts';
import { withOutageRetry } from './outage-retry.ts';

/** Ends the recovery if a report of the host's return is newer than the failure, and the recovery has requested nothing yet. */
async function refuseReturned(context: TaskContext, host: string): Promise<void> {
  const back = await context.history.returnedSince();
  if (back?.order === 'return newer' && !(await context.history.hasStarted()))
    throw leftAlone(context, host, back.sign);
}

function leftAlone(context: TaskContext, host: string, sign: string): IgnoreRecovery {
  return new IgnoreRecovery(livesMessage(host, sign, textInput(context, 'notification_uuid')));
}

/**
 * The service of a host that must be forced down, once it is certain that the host is not alive, and the decision that it is dead.
 * @throws IgnoreRecovery if it is alive
 */
async function serviceOfTheDead(
  context: TaskContext,
  host: string,
): Promise<{ readonly service: ComputeService; readonly death: AddDecision }> {
  const { clock, settings, signal, proof, isResumed } = context;
  // A fencing may be old by the time another engine resumes the flow, or the cloud responds; an operator's statement is not.
  const startedAt = clock.boottime();
  const isFresh = (): boolean => !isResumed && clock.boottime() - startedAt <= FRESH_PROOF_MS;
  const isRequested = await context.history.isForceDownRequested();
  const reads: ComputeService[] = [];
  for (;;) {
    const service = await withOutageRetry(context, () => serviceOf(context, host));
    reads.push(service);
    const back = await context.history.returnedSince();
    const isProven = back === null && (proof === 'operator' || (proof === 'fencing' && isFresh()));
    const decision = decideLife(reads, { isRequested, isProven });
    if (decision === 'dead') {
      const uuid = textInput(context, 'notification_uuid');
      const evidence = { isRequested, isProven, proof, isBack: back !== null };
      return { service, death: deathDecision(uuid, reads, evidence, settings, clock.now()) };
    }
    if (back?.order === 'return newer') throw leftAlone(context, host, back.sign);
    if (decision === 'alive') {
      const sign = `lives: its nova-compute reported to Nova at ${service.updatedAt?.toISOString()}`;
      await context.history.noteLife();
      throw leftAlone(context, host, sign);
    }
    const waitMs = settings.heartbeatWaitMs;
    context.progress(
      `Nova shows host '${host}' up, last heartbeat at ${service.updatedAt?.toISOString()}; reading again in ${waitMs / 1000} s`,
      0,
    );
    await clock.sleep(waitMs, signal);
  }
}

export const disableComputeService: BuiltInTask = {
  name: 'disable_compute_service_task',
  title: 'DisableComputeServiceTask',
  requires: ['host_name'],
  provides: [],
  flows: FAILURE_FLOWS,

  async run(context) {
    const host = textInput(context, 'host_name');
    const { cloud, settings, signal, globalRequestId } = context;
    context.progress(`Disabling compute service on host: '${host}'`, 0);
    await refuseReturned(context, host);
    const { service: found, death } = await serviceOfTheDead(context, host);
    let seen: ComputeService | undefined = found;
    if (!(await context.history.hasStarted())) await checkHostFilter(context, host);
    const read = async (): Promise<ComputeService> => {
      const service = seen ?? (await serviceOf(context, host));
      seen = undefined;
      return service;
    };
    await bringAbout<ComputeService>(context, {
      key: `force-down:${host}`,
      kind: 'disable_service',
      object: host,
      decisions: [death],
      read,
      before: ({ status, state, forcedDown, disabledReason }) => ({ status, state, forcedDown, disabledReason }),
      decide: ({ status, state, forcedDown }) => {
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
