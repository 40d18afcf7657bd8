/** The missing actions to restore an instance after its move, if they are only known after it arrived. */
import { CloudError, isOutage } from '#openstack/cloud-error.ts';
import type { InstanceAction } from '../cloud/cloud.ts';
import type { TaskContext } from '../flow/task.ts';
import { type Move, type MoveResult, mayNeedStart, type Progress, wasFoundElsewhere } from './instance-progress.ts';
import type { MoveReadings } from './readings.ts';
import { decideArrival } from './restore-decision.ts';

const WHOLE: MoveResult = { ok: true, reason: null };

export class MoveArrivals {
  readonly #context: TaskContext;
  readonly #readings: MoveReadings;

  constructor(context: TaskContext, readings: MoveReadings) {
    this.#context = context;
    this.#readings = readings;
  }

  /** Plans the start of an instance that ran and arrived stopped; returns the result of a complete move. */
  async afterLastStep(progress: Progress): Promise<MoveResult | 'under way'> {
    const { move } = progress;
    const { uuid } = move.snapshot;
    const instance = this.#readings.instance(uuid);
    if (instance === 'gone') return { ok: true, reason: 'deleted' };
    if (!mayNeedStart(move)) return WHOLE;
    if (instance === 'no answer' || progress.notBefore > this.#context.clock.boottime()) return 'under way';
    if (decideArrival(move.wanted, instance, 'not read') === 'whole') return WHOLE;
    const actions = await this.#othersActions(uuid, move.snapshot.host);
    if (actions === 'no answer') return this.#withoutActions(progress);
    if (decideArrival(move.wanted, instance, actions) === 'whole') return { ok: true, reason: 'its owner stopped it' };
    const { vmState, taskState } = instance;
    move.steps.push(
      ...(await this.#context.steps.plan([
        { key: `start:${uuid}`, kind: 'start', object: uuid, before: { vmState, taskState } },
      ])),
    );
    progress.since = this.#context.clock.boottime();
    return 'under way';
  }

  /** Requests for the instance by others than the recovery of its crash. */
  async #othersActions(uuid: string, host: string): Promise<readonly InstanceAction[] | 'no answer'> {
    const actions = await actionsOf(this.#context, uuid);
    const ours = (await this.#context.history.stoppedByRecoveries(host)).get(uuid);
    if (actions === 'no answer' || ours === undefined) return actions;
    // Of a stop whose response was lost only its kind is known.
    const stop = actions.find(
      ({ action, requestId }) => action === 'stop' && (ours.requestId ?? requestId) === requestId,
    );
    return actions.filter((action) => action !== stop);
  }

  #withoutActions(progress: Progress): MoveResult | 'under way' {
    const { clock, settings } = this.#context;
    const now = clock.boottime();
    if (now - progress.since > settings.outageTimeoutMs) {
      return {
        ok: false,
        reason: 'it arrived stopped, and Nova does not return the user who stopped it',
        fault: 'outage',
      };
    }
    progress.notBefore = now + Math.max(settings.verifyIntervalMs, (now - progress.since) / 2);
    return 'under way';
  }

  /**
   * Whether an instance that must be off may be stopped. One that was elsewhere when this task started may have been started by its owner.
   * It is stopped only if an evacuation of an earlier task caused it to run there, or Nova accepted no stop of that task. An accepted stop
   * may have been carried out late, before its owner started the instance.
   */
  async isStopOwed(move: Move): Promise<boolean> {
    if (!wasFoundElsewhere(move)) return true;
    const { uuid, vmState } = move.snapshot;
    const stop = (await this.#context.history.earlierSteps(`stop:${uuid}`)).findLast(
      ({ state }) => state !== 'planned',
    );
    if (stop) return stop.state !== 'done' && stop.state !== 'skipped' && stop.detail.isAccepted !== true;
    // Nova leaves a stopped instance off.
    if (vmState === 'stopped' && !move.steps.some(({ kind }) => kind === 'reset')) return false;
    const evacuations = await this.#context.history.earlierSteps(`evacuate:${uuid}`);
    return evacuations.some(({ state }) => state !== 'planned' && state !== 'skipped');
  }
}

/** The requests for an instance, newest first; empty if Nova shows them to no user. */
export async function actionsOf(
  { cloud, signal }: Pick<TaskContext, 'cloud' | 'signal'>,
  uuid: string,
): Promise<readonly InstanceAction[] | 'no answer'> {
  try {
    return await cloud.instanceActions(uuid, { signal });
  } catch (error) {
    if (isOutage(error)) return 'no answer';
    if (error instanceof CloudError) return [];
    throw error;
  }
}
