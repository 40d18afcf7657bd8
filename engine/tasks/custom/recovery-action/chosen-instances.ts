/**
 * The instances that a chain of actions is for.
 *
 * Invariant: they are chosen once and kept in the journal, with what each of them was, before the first action: an engine
 * that goes on acts on the same ones, whatever the first actions did to them.
 */
import type { Instance } from '../../../cloud/cloud.ts';
import { TaskFailure } from '../../../flow/outcome.ts';
import type { Json } from '../../../flow/plan.ts';
import { type TaskContext, textInput } from '../../../flow/task.ts';
import { type InstanceSnapshot, snapshotOf } from '../../../recovery/original-state.ts';
import { patiently } from '../../patience.ts';
import { strays, withOriginal } from '../../prepare-ha-enabled-instances.ts';

/** @param named name of the value that lists them; empty: the instance of the flow, those of its host, or those to bring home */
export async function chosenInstances(
  context: TaskContext,
  task: string,
  named: string,
): Promise<readonly InstanceSnapshot[]> {
  const { steps } = context;
  const host = textInput(context, 'host_name');
  const before = (await choose(context, host, named)) as unknown as Json;
  // A choice that stands there already wins over this one.
  const [step] = await steps.plan([{ key: `choose:${task}`, kind: 'choose', object: host, before }]);
  if (!step) throw new Error('the journal planned no step');
  if (step.state === 'planned') await steps.settle([{ step, state: 'done' }]);
  return step.before as unknown as readonly InstanceSnapshot[];
}

async function choose(context: TaskContext, host: string, named: string): Promise<readonly InstanceSnapshot[]> {
  const { cloud, inputs, settings, signal } = context;
  const earlier = await context.earlierMoves(host);
  const originals = new Map(earlier.map((move) => [move.instance, move]));
  const snapshot = (instance: Instance): InstanceSnapshot => {
    const original = originals.get(instance.uuid);
    // It left the host in an earlier attempt that did not finish with it.
    if (original?.unfinished && instance.host !== host) return original.before as unknown as InstanceSnapshot;
    return withOriginal(snapshotOf(instance, settings.hostHaKey), original);
  };
  const found: InstanceSnapshot[] = [];
  if (named === '' && context.flow === 'host_return') return thoseAway(context, host);
  const uuids = named === '' ? ownOf(context) : uuidsIn(inputs[named] ?? null, named);
  if (uuids === 'those of the host') {
    const { items } = await patiently(context, () => cloud.listInstances({ host }, { signal }));
    const onHost = new Set(items.map(({ uuid }) => uuid));
    return [...items.map(snapshot), ...(await strays(context, earlier, onHost))];
  }
  for (const uuid of uuids) {
    const instance = await patiently(context, () => cloud.instance(uuid, { signal }));
    if (instance && instance.vmState !== 'deleted') found.push(snapshot(instance));
    else context.progress(`Instance '${uuid}' does not exist any more`);
  }
  return found;
}

/** What recoveries of the host moved away. Whatever somebody did with one of them since was meant: then it stays where it is. */
async function thoseAway(context: TaskContext, home: string): Promise<readonly InstanceSnapshot[]> {
  const { cloud, settings, signal } = context;
  const found: InstanceSnapshot[] = [];
  for (const { instance: uuid, destination, isBegun } of await context.movedAway(home)) {
    const now = await patiently(context, () => cloud.instance(uuid, { signal }));
    if (!now || now.vmState === 'deleted') context.progress(`Instance '${uuid}' does not exist any more`);
    else if (isBegun || (destination !== null && now.host === destination)) {
      found.push(snapshotOf(now, settings.hostHaKey));
    } else {
      const was = destination === null ? 'where it was put is not known' : `it was put on '${destination}'`;
      context.progress(`Instance '${uuid}' stays where it is: ${was}, and it is on '${now.host ?? 'no host'}'`);
    }
  }
  return found;
}

function ownOf({ inputs }: TaskContext): readonly string[] | 'those of the host' {
  if (typeof inputs.instance_uuid === 'string') return [inputs.instance_uuid];
  if (inputs.process_name === undefined) return 'those of the host';
  throw new TaskFailure('a failed process names no instances; say which ones with the option "instances"');
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
