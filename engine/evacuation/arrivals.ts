/** What an instance that was moved still needs to be what it was, where that shows only after it arrived. */
import { CloudError, type InstanceAction, isOutage } from '../cloud/cloud.ts';
import type { TaskContext } from '../flow/task.ts';
import { decideArrival } from '../recovery/restore.ts';
import { type Move, type MoveResult, mayNeedStart, type Progress, wasFoundElsewhere } from './move-progress.ts';
import type { MoveReadings } from './move-readings.ts';

const WHOLE: MoveResult = { ok: true, reason: null };

export class MoveArrivals {
  readonly #context: TaskContext;
  readonly #readings: MoveReadings;

  constructor(context: TaskContext, readings: MoveReadings) {
    this.#context = context;
    this.#readings = readings;
  }

  /** Plans the start of an instance that ran and arrived stopped; returns the result of a move that is whole. */
  async afterLastStep(progress: Progress): Promise<MoveResult | 'under way'> {
    const { move } = progress;
    const { uuid } = move.snapshot;
    const instance = this.#readings.instance(uuid);
    if (instance === 'gone') return { ok: true, reason: 'deleted' };
    if (!mayNeedStart(move)) return WHOLE;
    if (instance === 'no answer' || progress.notBefore > this.#context.clock.boottime()) return 'under way';
    if (decideArrival(move.wanted, instance, 'not asked') === 'whole') return WHOLE;
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

  /** What others than the recovery of its crash requested of the instance. */
  async #othersActions(uuid: string, host: string): Promise<readonly InstanceAction[] | 'no answer'> {
    const actions = await actionsOf(this.#context, uuid);
    const ours = (await this.#context.stoppedByRecoveries(host)).get(uuid);
    if (actions === 'no answer' || ours === undefined) return actions;
    // Of a stop whose response was lost only this much is known, that it was one.
    const stop = actions.find(
      ({ action, requestId }) => action === 'stop' && (ours.requestId ?? requestId) === requestId,
    );
    return actions.filter((action) => action !== stop);
  }

  #withoutActions(progress: Progress): MoveResult | 'under way' {
    const { clock, settings } = this.#context;
    const now = clock.boottime();
    if (now - progress.since > settings.outagePatienceMs) {
      return { ok: false, reason: 'it arrived stopped, and Nova does not answer who stopped it', fault: 'outage' };
    }
    progress.notBefore = now + Math.max(settings.verifyIntervalMs, (now - progress.since) / 2);
    return 'under way';
  }

  /**
   * Whether an instance that is to be off may be stopped. One that was elsewhere when this task began may have been started by its owner:
   * it is stopped only where an evacuation of an earlier task brought it there running, or Nova accepted no stop of that task. A stop
   * that was accepted may have been carried out late, before its owner started the instance.
   */
  async isStopOwed(move: Move): Promise<boolean> {
    if (!wasFoundElsewhere(move)) return true;
    const { uuid, vmState } = move.snapshot;
    const stop = (await this.#context.earlierSteps(`stop:${uuid}`)).findLast(({ state }) => state !== 'planned');
    if (stop) return stop.state !== 'done' && stop.state !== 'skipped' && stop.detail.isAccepted !== true;
    // Nova leaves what was stopped off.
    if (vmState === 'stopped' && !move.steps.some(({ kind }) => kind === 'reset')) return false;
    const evacuations = await this.#context.earlierSteps(`evacuate:${uuid}`);
    return evacuations.some(({ state }) => state !== 'planned' && state !== 'skipped');
  }
}

/** What was requested of an instance, newest first; nothing where Nova shows that to nobody. */
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
