/**
 * Which instances of a failed host are moved, in which order and phase, and which are left. Pure.
 *
 * The recovery and `recovery-agent plan` call this same function, so that what an operator sees beforehand is what happens.
 *
 * Invariants:
 * - an instance is in exactly one place: moved once, or left with a reason;
 * - an instance comes after all instances of higher rank. The rank is the mark for HA, then the priority; a restart group has the rank of
 *   its highest member;
 * - metadata is written by tenants: a value that cannot be read fails nothing, groups of different projects never join, and within
 *   one rank the projects alternate. Otherwise the single instance of one tenant would wait for the hundreds of another.
 */
import type { TaskSettings } from '#config/options/task-settings.ts';
import type { Instance } from '../cloud/cloud.ts';
import type { InstanceSnapshot } from '../evacuation/original-state-decision.ts';
import { type Left, notApplied, type Selection, whyLeft } from './exclusion-decision.ts';

export type OrderSettings = Selection & Pick<TaskSettings, 'orderPriorityKey' | 'orderGroupKey' | 'orderPhases'>;

export interface Candidate {
  /** In the state that is to be restored. */
  readonly snapshot: InstanceSnapshot;
  /** As Nova lists it; null: it has left the host in an earlier attempt. */
  readonly listed: Pick<Instance, 'name' | 'metadata' | 'properties'> | null;
  /** Its evacuation was requested, and may be in progress: it is completed, although it has been excluded since. */
  readonly isRequested: boolean;
}

export interface OrderedMove {
  readonly snapshot: InstanceSnapshot;
  readonly priority: number;
  readonly group: string | null;
  /** Starts at 1; with `phases = project` counted for each project by itself. */
  readonly phase: number;
  /** Options that may exclude it, and cannot be applied: see `notApplied`. */
  readonly notApplied: readonly string[];
}

export interface InstanceOrder {
  /** In the order of their evacuation. */
  readonly moves: readonly OrderedMove[];
  readonly left: readonly (Left & { readonly snapshot: InstanceSnapshot })[];
  /** Instances whose priority is no number, with its text. */
  readonly unreadable: readonly { readonly snapshot: InstanceSnapshot; readonly value: string }[];
}

/** RHOSO's range and default. */
const [LOWEST, HIGHEST] = [1, 1000];
export const DEFAULT_PRIORITY = 500;
/** Later phases are one: a tenant with hundreds of priorities would otherwise make the recovery hundreds of waits long. */
export const MOST_PHASES = 16;

export function planInstances(candidates: readonly Candidate[], settings: OrderSettings): InstanceOrder {
  const decided = candidates.map((candidate) => ({
    candidate,
    left: whyLeft(candidate.snapshot, candidate.isRequested ? null : candidate.listed, settings),
  }));
  const entries = decided.flatMap(({ candidate, left }) => (left === null ? [entryOf(candidate, settings)] : []));
  return {
    moves: inOrder(entries, settings.orderPhases),
    left: decided.flatMap(({ candidate: { snapshot }, left }) => (left === null ? [] : [{ ...left, snapshot }])),
    unreadable: entries.flatMap(({ snapshot, unreadable }) =>
      unreadable === null ? [] : [{ snapshot, value: unreadable }],
    ),
  };
}

interface Entry {
  readonly snapshot: InstanceSnapshot;
  readonly projectId: string;
  readonly priority: number;
  readonly group: string | null;
  readonly unreadable: string | null;
  readonly notApplied: readonly string[];
}

function entryOf({ snapshot, listed }: Candidate, settings: OrderSettings): Entry {
  const metadata = new Map(Object.entries(listed?.metadata ?? {}));
  const group = metadata.get(settings.orderGroupKey)?.trim() || null;
  const value = metadata.get(settings.orderPriorityKey);
  const priority = value === undefined ? DEFAULT_PRIORITY : priorityOf(value);
  const { projectId } = snapshot;
  return {
    snapshot,
    projectId,
    priority: priority ?? DEFAULT_PRIORITY,
    group,
    unreadable: priority === undefined && value !== undefined ? value : null,
    notApplied: listed === null ? [] : notApplied(listed, settings),
  };
}

/** Undefined: it is no whole number. One beyond the range counts as its end. */
function priorityOf(value: string): number | undefined {
  const text = value.trim();
  return /^[+-]?\d+$/.test(text) ? Math.min(HIGHEST, Math.max(LOWEST, Number(text))) : undefined;
}

interface Ranked extends Entry {
  /** Of its group; higher first. */
  readonly rank: number;
  /** The number of its group among the groups of its project of the same rank; 0 without a group. */
  readonly turn: number;
}

function inOrder(entries: readonly Entry[], phases: OrderSettings['orderPhases']): OrderedMove[] {
  const ranked = rankAll(entries);
  const phaseOf = numberPhases(ranked, phases);
  // Within a project: group after group, and in a group by the priorities of its members.
  const sorted = ranked.toSorted((a, b) => b.rank - a.rank || a.turn - b.turn || b.priority - a.priority);
  const layers = Map.groupBy(sorted, (one) => (phases === 'all' ? keyOf(one) : one.rank));
  return [...layers.values()].flatMap(inRotation).map((one) => {
    const { snapshot, priority, group, notApplied } = one;
    return { snapshot, priority, group, phase: phaseOf(one), notApplied };
  });
}

function rankAll(entries: readonly Entry[]): Ranked[] {
  const ownRank = ({ snapshot, priority }: Entry): number => (snapshot.haEnabled ? HIGHEST : 0) + priority;
  const groups = Map.groupBy(
    entries.filter(({ group }) => group !== null),
    groupKey,
  );
  const ranks = new Map([...groups].map(([key, members]) => [key, Math.max(...members.map(ownRank))]));
  const rankOf = (entry: Entry): number => ranks.get(groupKey(entry)) ?? ownRank(entry);
  // By name: the order of Nova's list may differ in the next attempt.
  const names = Map.groupBy(
    [...groups.values()].flatMap(([first]) => (first ? [first] : [])),
    (first) => JSON.stringify([first.projectId, rankOf(first)]),
  );
  const turns = new Map<string, number>();
  for (const firsts of names.values()) {
    const inTurn = firsts.toSorted((a, b) => ((a.group ?? '') < (b.group ?? '') ? -1 : 1));
    for (const [turn, first] of inTurn.entries()) turns.set(groupKey(first), turn);
  }
  return entries.map((entry) => ({ ...entry, rank: rankOf(entry), turn: turns.get(groupKey(entry)) ?? 0 }));
}

/** Groups of different projects are different, also with the same name. */
function groupKey({ projectId, group }: Entry): string {
  return JSON.stringify([projectId, group]);
}

/** Sorts as the phases follow each other. */
function keyOf({ rank, turn }: Ranked): number {
  return -rank * 1e6 + turn;
}

/** Instances of one rank and turn are one phase. */
function numberPhases(ranked: readonly Ranked[], phases: OrderSettings['orderPhases']): (instance: Ranked) => number {
  if (phases === 'none') return () => 1;
  const scopeOf = ({ projectId }: Ranked): string => (phases === 'project' ? projectId : '');
  const keys = new Map(
    [...Map.groupBy(ranked, scopeOf)].map(([scope, own]) => [
      scope,
      [...new Set(own.map(keyOf))].toSorted((a, b) => a - b),
    ]),
  );
  return (one) => Math.min(MOST_PHASES, (keys.get(scopeOf(one)) ?? []).indexOf(keyOf(one)) + 1);
}

/** The projects alternate: the first instance of each, then the second of each. Within a project the order stays. */
export function inRotation<T extends { readonly projectId: string }>(instances: readonly T[]): T[] {
  const turns: T[][] = [];
  for (const own of Map.groupBy(instances, ({ projectId }) => projectId).values()) {
    for (const [turn, instance] of own.entries()) {
      const round = turns[turn] ?? [];
      round.push(instance);
      turns[turn] = round;
    }
  }
  return turns.flat();
}
