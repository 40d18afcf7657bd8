/**
 * Selects the instances of a chain of actions.
 *
 * Invariants:
 * - they are selected once and stored in the journal, with the state of each, before the first action: an engine that resumes acts on
 *   the same instances, even if the first actions changed them;
 * - an instance is selected only by Nova's data of that instance: an instance that Nova lists in addition to the requested ones is not
 *   selected, and without a response nothing is;
 * - an instance that an earlier flow of the recovery selected and moved off the host is selected again: a later action on it may have
 *   failed.
 */
import { isSameHost } from '#protocol/host-name.ts';
import type { Instance } from '../../cloud/cloud.ts';
import { readInstance, readInstancesOn } from '../../cloud/reading.ts';
import { type InstanceSnapshot, snapshotOf, withOriginal } from '../../evacuation/original-state-decision.ts';
import { IgnoreRecovery, TaskFailure } from '../../flow/outcome.ts';
import type { Json } from '../../flow/plan.ts';
import { type TaskContext, textInput } from '../../flow/task.ts';
import { known } from '../../tasks/outage-retry.ts';
import { strays } from '../../tasks/prepare-ha-enabled-instances.ts';

/** @param named name of the value that lists them; empty: the instance of the flow, those of its host, or those to migrate home */
export async function chosenInstances(
  context: TaskContext,
  task: string,
  named: string,
): Promise<readonly InstanceSnapshot[]> {
  const { steps } = context;
  const host = textInput(context, 'host_name');
  const key = `choose:${task}`;
  const earlier = await context.history.earlierSteps(key);
  const before = earlier.findLast(({ state }) => state === 'done')?.before ?? [];
  const chosen = await choose(context, host, named, before as unknown as readonly InstanceSnapshot[]);
  if (named === '' && earlier.length === 0) requireOwnHere(context, host, chosen);
  // A selection that is journaled already has precedence.
  const [step] = await steps.plan([{ key, kind: 'choose', object: host, before: chosen as unknown as Json }]);
  if (!step) throw new Error('the journal planned no step');
  if (step.state === 'planned') await steps.settle([{ step, state: 'done' }]);
  return step.before as unknown as readonly InstanceSnapshot[];
}

/** As for the built-in tasks: an instance that left the host before its recovery started did not fail where it is now. */
function requireOwnHere(context: TaskContext, failedOn: string, chosen: readonly InstanceSnapshot[]): void {
  if (context.flow !== 'instance' || context.isResumed || context.attempt > 1) return;
  for (const { uuid, host } of chosen) {
    if (host === '' || isSameHost(host, failedOn)) continue;
    const message = `Recovery of instance '${uuid}' is ignored as it is on host '${host}' and failed on '${failedOn}'.`;
    context.progress(message, 1);
    throw new IgnoreRecovery(message);
  }
}

async function choose(
  context: TaskContext,
  host: string,
  named: string,
  before: readonly InstanceSnapshot[],
): Promise<readonly InstanceSnapshot[]> {
  const { inputs, settings } = context;
  const earlier = await context.history.earlierMoves(host);
  const originals = new Map(earlier.map((move) => [move.instance, move]));
  const snapshot = (instance: Instance): InstanceSnapshot => {
    const original = originals.get(instance.uuid);
    // It left the host in an earlier unfinished attempt.
    if (original?.unfinished && instance.host !== host) return original.before as unknown as InstanceSnapshot;
    return withOriginal(
      snapshotOf(instance, settings.hostHaKey),
      original?.before as unknown as InstanceSnapshot | undefined,
    );
  };
  const found: InstanceSnapshot[] = [];
  if (named === '' && context.flow === 'host_return') return thoseAway(context, host);
  const uuids = named === '' ? ownOf(context) : uuidsIn(inputs[named] ?? null, named);
  if (uuids === 'those of the host') {
    const items = await instancesOn(context, host);
    const onHost = new Set(items.map(({ uuid }) => uuid));
    const found = [...items.map(snapshot), ...(await strays(context, earlier, onHost))];
    return [...found, ...(await chosenBefore(context, before, found))];
  }
  for (const uuid of uuids) {
    const instance = await existing(context, uuid);
    if (instance) found.push(snapshot(instance));
  }
  return found;
}

async function instancesOn(context: TaskContext, host: string): Promise<readonly Instance[]> {
  const { cloud, signal } = context;
  const reading = await known(context, () => readInstancesOn(cloud, host, { signal }));
  if (reading.answer === 'no') return [];
  const { items, foreign } = reading.value;
  if (foreign > 0) {
    context.progress(
      `Nova listed ${foreign} instances of other hosts, which are ignored: the role of the agent lacks the right os_compute_api:servers:allow_all_filters`,
    );
  }
  return items;
}

/**
 * Instances that an earlier flow selected and moved off the host, in their state at that time. An instance that left the host in another
 * way was moved by another user.
 */
async function chosenBefore(
  context: TaskContext,
  before: readonly InstanceSnapshot[],
  found: readonly InstanceSnapshot[],
): Promise<readonly InstanceSnapshot[]> {
  const uuids = new Set(found.map(({ uuid }) => uuid));
  const moves = await context.history.movedBefore();
  const moved = new Set(moves.map((move) => (move.before as unknown as InstanceSnapshot).uuid));
  const left: InstanceSnapshot[] = [];
  for (const snapshot of before) {
    const isOurs = moved.has(snapshot.uuid) && !uuids.has(snapshot.uuid);
    if (isOurs && (await existing(context, snapshot.uuid))) left.push(snapshot);
  }
  return left;
}

async function existing(context: TaskContext, uuid: string): Promise<Instance | undefined> {
  const { cloud, signal } = context;
  const reading = await known(context, () => readInstance(cloud, uuid, { signal }));
  if (reading.answer === 'yes') return reading.value;
  context.progress(`Instance '${uuid}' does not exist any more`);
  return undefined;
}

/** Instances that recoveries of the host moved away. An instance that a user has moved since stays on its host. */
async function thoseAway(context: TaskContext, home: string): Promise<readonly InstanceSnapshot[]> {
  const { settings } = context;
  const found: InstanceSnapshot[] = [];
  for (const { instance: uuid, destination, isStarted } of await context.history.movedAway(home)) {
    const now = await existing(context, uuid);
    if (!now) continue;
    if (isStarted || (destination !== null && now.host === destination)) {
      found.push(snapshotOf(now, settings.hostHaKey));
    } else {
      const was = destination === null ? 'its destination is unknown' : `it was moved to '${destination}'`;
      context.progress(`Instance '${uuid}' stays where it is: ${was}, and it is on '${now.host ?? 'no host'}'`);
    }
  }
  return found;
}

function ownOf({ inputs }: TaskContext): readonly string[] | 'those of the host' {
  if (typeof inputs.instance_uuid === 'string') return [inputs.instance_uuid];
  if (inputs.process_name === undefined) return 'those of the host';
  throw new TaskFailure('a failed process names no instances; select them with the option "instances"');
}

/** A list of uuids, or of structures with one. */
function uuidsIn(value: Json, name: string): readonly string[] {
  const items: readonly Json[] = Array.isArray(value) ? value : value === null ? [] : [value];
  return items.map((item: Json) => {
    const uuid =
      item !== null && typeof item === 'object' && !Array.isArray(item) ? (item as { uuid?: Json }).uuid : item;
    if (typeof uuid === 'string' && uuid !== '') return uuid;
    throw new TaskFailure(`"${name}" is no list of instances: ${JSON.stringify(item).slice(0, 80)} has no uuid`);
  });
}
