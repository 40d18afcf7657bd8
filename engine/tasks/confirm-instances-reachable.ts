/**
 * Waits until the guests of the instances that were moved can be reached: Nova's `active` means that QEMU runs, not that the guest works.
 *
 * Invariant: each instance that was reached has a step in the journal, with the time, and is not probed twice.
 */
import type { Value } from '#config/expressions/expression.ts';
import type { Instance } from '../cloud/cloud.ts';
import { readInstancesOn } from '../cloud/reading.ts';
import { Budget } from '../flow/budget.ts';
import type { Step } from '../flow/journaled-steps.ts';
import { TaskFailure } from '../flow/outcome.ts';
import type { BuiltInTask, TaskContext } from '../flow/task.ts';
import { waitUntil } from './condition.ts';
import { known } from './outage-retry.ts';
import { isReachable } from './probe.ts';
import { decideTarget } from './reachability-decision.ts';

/** Instances that are tried at the same time. */
const MAX_PROBES = 32;
/** A failure names at most so many instances. */
const MOST_NAMED = 20;

interface Moved {
  readonly uuid: string;
  readonly host: string;
}

interface Trial {
  readonly uuid: string;
  readonly addresses: readonly string[];
  readonly step: Step;
}

export const confirmInstancesReachable: BuiltInTask = {
  name: 'confirm_instances_reachable_task',
  title: 'ConfirmInstancesReachableTask',
  requires: ['recovered_instances'],
  provides: [],
  flows: ['host_auto', 'host_rh'],

  async run(context) {
    const { settings } = context;
    if (settings.reachableNetworks.length === 0) {
      throw new TaskFailure('[reachability] networks is empty: write the networks whose addresses may be tried');
    }
    const moved = movedIn(context.inputs.recovered_instances);
    const trials = await trialsOf(context, moved);
    context.progress(`Confirming that ${trials.length} of ${moved.length} instances can be reached`, 0);
    const isOpen = ({ step }: Trial): boolean => step.state !== 'done';
    const isDone = await waitUntil(context, settings.reachableTimeoutMs, async () => {
      await tryAll(context, trials.filter(isOpen));
      return !trials.some(isOpen);
    });
    const reached = trials.filter((trial) => !isOpen(trial)).length;
    if (!isDone) throw new TaskFailure(unreachable(trials.filter(isOpen), settings.reachableTimeoutMs));
    context.progress(`Confirmed that ${reached} instances can be reached`, 1);
    return {};
  },
};

function movedIn(value: Value | undefined): readonly Moved[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((one: Value) => {
    if (one === null || typeof one !== 'object' || Array.isArray(one)) return [];
    const { uuid, new_host: host } = one as { readonly [name: string]: Value };
    return typeof uuid === 'string' && typeof host === 'string' ? [{ uuid, host }] : [];
  });
}

/** One listing for each host to which instances were moved. */
async function trialsOf(context: TaskContext, moved: readonly Moved[]): Promise<readonly Trial[]> {
  const { cloud, signal } = context;
  const shown = new Map<string, Instance>();
  for (const host of new Set(moved.map((one) => one.host))) {
    const reading = await known(context, () => readInstancesOn(cloud, host, { signal }));
    for (const one of reading.answer === 'yes' ? reading.value.items : []) shown.set(one.uuid, one);
  }
  const tried: { readonly uuid: string; readonly addresses: readonly string[] }[] = [];
  for (const { uuid } of moved) {
    const target = decideTarget(shown.get(uuid), context.settings);
    if (target.try === 'yes') tried.push({ uuid, addresses: target.addresses });
    else context.progress(`Instance '${uuid}' is not tried: ${target.reason}`, 0);
  }
  const planned = tried.map(({ uuid }) => ({ key: `reach:${uuid}`, kind: 'reach', object: uuid, before: null }));
  const steps = await context.steps.plan(planned);
  return tried.flatMap((one, index) => {
    const step = steps[index];
    return step === undefined ? [] : [{ ...one, step }];
  });
}

/** One round: each instance at all of its addresses, and one commit for those that were reached. */
async function tryAll(context: TaskContext, trials: readonly Trial[]): Promise<void> {
  const { settings, signal } = context;
  const budget = new Budget(MAX_PROBES);
  const reached: Trial[] = [];
  await Promise.all(
    trials.map((trial) =>
      budget.run(async () => {
        for (const address of trial.addresses) {
          if (!(await isReachable(address, settings, signal))) continue;
          reached.push(trial);
          return;
        }
      }, signal),
    ),
  );
  await context.steps.settle(reached.map(({ step }) => ({ step, state: 'done' })));
}

function unreachable(trials: readonly Trial[], limitMs: number): string {
  const named = trials.slice(0, MOST_NAMED).map(({ uuid }) => uuid);
  const rest = trials.length > named.length ? ` and ${trials.length - named.length} more` : '';
  return `${trials.length} instances cannot be reached after ${limitMs / 1000} s: ${named.join(', ')}${rest}`;
}
