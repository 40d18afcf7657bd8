/** Moves the instances of a failed host to others and restores the state of each of them. */
import { FAILURE_FLOWS } from '#config/pipelines/pipelines.ts';
import type { Evacuation } from '../cloud/cloud.ts';
import { readEvacuationsFrom } from '../cloud/reading.ts';
import { isOpen, newestFirst } from '../evacuation/evacuation-record.ts';
import type { Move } from '../evacuation/instance-progress.ts';
import { MoveLoop } from '../evacuation/loop.ts';
import { type InstanceSnapshot, type MovePlan, planMove } from '../evacuation/original-state-decision.ts';
import { byInstance } from '../evacuation/readings.ts';
import type { Step } from '../flow/journaled-steps.ts';
import { TaskFailure } from '../flow/outcome.ts';
import type { Json, Values } from '../flow/plan.ts';
import { type BuiltInTask, type TaskContext, textInput } from '../flow/task.ts';
import type { PlannedStep } from '../journal/mutations.ts';
import type { OpenEvacuation } from '../journal/queries.ts';
import { listed, movedBefore, NOT_RECOVERED, RECOVERED } from './listed-instance.ts';
import { known } from './outage-retry.ts';
import { enableReservedHost } from './reserved-host.ts';

/** The outcome of steps that an operator skips. */
const SKIPPED = 'an operator skips it';

interface Base {
  /** Nova's own time. */
  readonly at: Date;
  readonly evacuations: ReadonlyMap<string, readonly Evacuation[]>;
  /** Records that an operator declared abandoned. */
  readonly abandoned: ReadonlySet<string>;
}

/** Nova's evacuations from this host before ours start. All of them: one that Nova abandoned may be of any age. */
async function readBase(context: TaskContext, source: string): Promise<Base> {
  const { cloud, signal } = context;
  const reading = await known(context, () => readEvacuationsFrom(cloud, { sourceHost: source }, { signal }));
  if (reading.answer === 'no') throw new Error('a listing has no "no"');
  const { items, at } = reading.value;
  const evacuations = byInstance(newestFirst(items));
  const abandoned: string[] = [];
  for (const [instance, records] of evacuations) {
    if (records.some(isOpen)) abandoned.push(...(await context.history.abandonedEvacuations(instance)));
  }
  return { at, evacuations, abandoned: new Set(abandoned) };
}

/** Whether the open evacuations of an instance were all declared abandoned. */
function isAbandoned({ evacuations, abandoned }: Base, uuid: string): boolean {
  const open = (evacuations.get(uuid) ?? []).filter(isOpen);
  return open.length > 0 && open.every(({ id }) => abandoned.has(id));
}

type Movable = Extract<MovePlan, { move: 'yes' }>;

function plannedSteps(instance: InstanceSnapshot, plan: Movable, base: Base): PlannedStep[] {
  const { uuid, vmState, taskState } = instance;
  const isKnown = (one: Evacuation): boolean => !isOpen(one) || base.abandoned.has(one.id);
  const known = (base.evacuations.get(uuid) ?? []).filter(isKnown).map(({ id }) => id);
  const before = { vmState, taskState };
  const steps: PlannedStep[] = [];
  if (plan.reset) steps.push({ key: `reset:${uuid}`, kind: 'reset', object: uuid, before });
  steps.push({
    key: `evacuate:${uuid}`,
    kind: 'evacuate',
    object: uuid,
    before: instance,
    detail: { known, base: base.at.toISOString(), attempts: 0 },
  });
  if (plan.wanted !== 'running') steps.push({ key: `stop:${uuid}`, kind: 'stop', object: uuid, before });
  if (plan.wanted === 'error') steps.push({ key: `error:${uuid}`, kind: 'error', object: uuid, before });
  return steps;
}

/** The moves as in the journal; planned in one commit the first time. */
async function planMoves(
  context: TaskContext,
  instances: readonly InstanceSnapshot[],
  base: Base,
): Promise<{ moves: Move[]; since: Date }> {
  const plans = instances.map((instance) => {
    const plan = planMove(instance, isAbandoned(base, instance.uuid) ? 'abandoned' : 'none');
    return { instance, plan };
  });
  for (const { instance, plan } of plans) {
    if (plan.move === 'no') context.progress(`Instance '${instance.uuid}' is left where it is: ${plan.reason}`, 0.4);
  }
  const movable = plans.flatMap(({ instance, plan }) => (plan.move === 'yes' ? [{ instance, plan }] : []));
  const steps = await context.steps.plan(movable.flatMap(({ instance, plan }) => plannedSteps(instance, plan, base)));
  const byObject = new Map<string, Step[]>();
  for (const step of steps) byObject.set(step.object, [...(byObject.get(step.object) ?? []), step]);
  let since = base.at;
  const moves = movable.map(({ instance, plan }): Move => {
    const own = byObject.get(instance.uuid) ?? [];
    const detail = own.find(({ kind }) => kind === 'evacuate')?.detail;
    const from = new Date(String(detail?.base ?? base.at.toISOString()));
    if (from < since) since = from;
    return { snapshot: instance, wanted: plan.wanted, steps: own, result: null };
  });
  return { moves: await withoutSkipped(context, moves), since };
}

/** The moves but those that an operator skips; what was requested before continues. */
async function withoutSkipped(context: TaskContext, moves: readonly Move[]): Promise<Move[]> {
  const skipped = new Set(await context.history.skipped());
  const isLeft = ({ snapshot, steps }: Move): boolean =>
    skipped.has(snapshot.uuid) && steps.every(({ state, error }) => state === 'planned' || error === SKIPPED);
  const left = moves.filter(isLeft);
  const open = left.flatMap(({ steps }) => steps.filter(({ state }) => state === 'planned'));
  const lines = left.map(({ snapshot }) => ({
    message: `Instance '${snapshot.uuid}' is left where it is: ${SKIPPED}`,
    progress: 0.4,
  }));
  if (open.length > 0) {
    await context.steps.settle(
      open.map((step) => ({ step, state: 'skipped', error: SKIPPED })),
      lines,
    );
  }
  return moves.filter((move) => !isLeft(move));
}

/**
 * Instances of which an earlier flow or task may have requested an evacuation that is still in Nova's queue, where it is not visible. The
 * wait for it is as long as in one flow: after that an invisible one counts as lost, a visible one is adopted.
 */
async function requestedBefore(context: TaskContext, source: string, base: Base): Promise<ReadonlySet<string>> {
  const isEnded = ({ instance, record }: OpenEvacuation): boolean => {
    const shown = base.evacuations.get(instance)?.find(({ id }) => id === record);
    return shown !== undefined && (!isOpen(shown) || base.abandoned.has(shown.id));
  };
  const open = await context.history.openEvacuations(source);
  return new Set(open.filter((one) => !isEnded(one)).map(({ instance }) => instance));
}

function isAmong(moves: readonly Move[], one: Json): boolean {
  return moves.some(
    ({ snapshot }) => typeof one === 'object' && one !== null && 'uuid' in one && one.uuid === snapshot.uuid,
  );
}

/** @param before instances that other tasks of this recovery moved */
function outputsOf(moves: readonly Move[], before: readonly Json[]): Values {
  const destinationOf = ({ steps }: Move): Json =>
    steps.find(({ kind }) => kind === 'evacuate')?.detail.destination ?? null;
  return {
    recovered_instances: [
      ...before.filter((one) => !isAmong(moves, one)),
      ...moves
        .filter(({ result }) => result?.ok)
        .map((move) => ({ ...listed(move.snapshot), new_host: destinationOf(move) })),
    ],
    failed_instances: moves
      .filter(({ result }) => !result?.ok)
      .map(({ snapshot, result }) => ({ ...listed(snapshot), reason: result?.reason ?? 'unknown reason' })),
  };
}

/** The message about moves that did not succeed. */
function describeFailures(moves: readonly Move[], source: string, outputs: Values): TaskFailure | undefined {
  const failed = moves.filter(({ result }) => result && !result.ok);
  if (failed.length === 0) return undefined;
  const list = failed.map(({ snapshot, result }) => `${snapshot.uuid} (${result?.reason ?? 'unknown reason'})`).sort();
  const message = `Failed to evacuate instances ${list.join(', ')} from host ${source}`;
  const isOutage = failed.every(({ result }) => result?.fault === 'outage');
  return new TaskFailure(message, isOutage ? 'outage' : 'work', undefined, outputs);
}

export const evacuateInstances: BuiltInTask = {
  name: 'evacuate_instances_task',
  title: 'EvacuateInstancesTask',
  requires: ['host_name', 'instance_list'],
  provides: ['recovered_instances', 'failed_instances'],
  flows: FAILURE_FLOWS,
  shapes: { recovered_instances: RECOVERED, failed_instances: NOT_RECOVERED },

  async run(context) {
    const source = textInput(context, 'host_name');
    const instances = context.inputs.instance_list as unknown as readonly InstanceSnapshot[];
    const reservedHost = context.inputs.reserved_host === null ? null : textInput(context, 'reserved_host');
    const list = instances.map(({ uuid }) => uuid).join(',');
    context.progress(`Start evacuation of instances from failed host '${source}', instance uuids are: '${list}'`, 0);
    if (instances.length === 0) {
      context.progress('Evacuation process completed!', 1);
      return outputsOf([], await movedBefore(context));
    }
    const base = await readBase(context, source);
    const { moves, since } = await planMoves(context, instances, base);
    if (reservedHost) await enableReservedHost(context, source, reservedHost);
    const requested = await requestedBefore(context, source, base);
    if (moves.some(({ snapshot }) => requested.has(snapshot.uuid))) {
      const seconds = Math.ceil(context.settings.evacuationQueueWaitMs / 1000);
      context.progress(`Waiting for evacuations that an earlier flow requested, at most ${seconds} s`);
    }
    const abandoned = new Set(instances.map(({ uuid }) => uuid).filter((uuid) => isAbandoned(base, uuid)));
    const target = { source, reservedHost, base: since, evacuations: base.evacuations, requested, abandoned };
    await new MoveLoop(context, target, moves).run();

    const named = (ok: boolean): string =>
      moves
        .filter(({ result }) => result?.ok === ok)
        .map(({ snapshot }) => snapshot.uuid)
        .sort()
        .join(',');
    const [moved, left] = [named(true), named(false)];
    if (moved) context.progress(`Successfully evacuate instances '${moved}' from host '${source}'`, 0.7);
    if (left) context.progress(`Failed to evacuate instances '${left}' from host '${source}'`, 0.7);
    const outputs = outputsOf(moves, await movedBefore(context));
    const failure = describeFailures(moves, source, outputs);
    if (failure) throw failure;
    context.progress('Evacuation process completed!', 1);
    return outputs;
  },
};
