/**
 * Finds the fencings that a node has outlived. A cluster node that was fenced, returned to the membership and was lost again
 * before it had joined has the same record as after the fencing: only a watcher that detected it in between knows that the
 * old fencing does not prove the new loss. Pure.
 */
import type { CibView } from './cib.ts';
import type { ClusterView, FenceEvent } from './crm-mon.ts';

/** By node: the newest fencing after which the node was detected, milliseconds UTC. */
export type Outlived = ReadonlyMap<string, number>;

/**
 * A node that was fenced by an operator's request is still listed for this time before the membership drops it (token plus
 * consensus of corosync, a few seconds by default, and clocks of nodes that differ). Milliseconds.
 */
const STILL_LISTED_MS = 30_000;

const ENDS_POWER = new Set(['off', 'reboot']);

/** What Pacemaker writes as the delegate of a fencing that an operator confirmed (`stonith_admin --confirm`). */
export const HUMAN = 'a human';

/** Whether the node had no power after it. */
export function endsPower({ status, action }: Pick<FenceEvent, 'status' | 'action'>): boolean {
  return status === 'success' && ENDS_POWER.has(action);
}

/** The newest fencing of that node that succeeded and has a time. */
export function newestFencing(view: ClusterView, node: string): (FenceEvent & { completedAt: number }) | undefined {
  let newest: (FenceEvent & { completedAt: number }) | undefined;
  for (const event of view.fencing) {
    const { completedAt } = event;
    if (event.target !== node || !endsPower(event)) continue;
    if (completedAt !== undefined && completedAt > (newest?.completedAt ?? 0)) newest = { ...event, completedAt };
  }
  return newest;
}

/** The state after this poll of the cluster. @param wereMembers the members in the poll before */
export function outlivedAfter(
  before: Outlived,
  wereMembers: ReadonlySet<string> | undefined,
  view: ClusterView,
  cib: CibView,
  now: number,
): Outlived {
  const after = new Map(before);
  if (!view.hasQuorum || !cib.hasQuorum) return after;
  for (const { name, isMember } of cib.states.values()) {
    const fencing = isMember === true ? newestFencing(view, name) : undefined;
    if (fencing === undefined) continue;
    const cameBack = wereMembers !== undefined && !wereMembers.has(name);
    if (cameBack || now - fencing.completedAt > STILL_LISTED_MS) after.set(name, fencing.completedAt);
  }
  return after;
}

export function membersIn(cib: CibView): ReadonlySet<string> {
  return new Set([...cib.states.values()].filter(({ isMember }) => isMember === true).map(({ name }) => name));
}
