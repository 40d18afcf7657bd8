/**
 * Decides from one poll of the cluster what Pacemaker reports about a host. Pure.
 *
 * Invariants, each of which prevents two copies of an instance:
 * - without quorum the state is always `unknown`: the other side may decide otherwise;
 * - a proof is given only for a fencing that succeeded after the node was last seen. For remote nodes the cluster's record
 *   has this: it sets `node_fenced` after a fencing and resets it to 0 when the node starts. For cluster nodes the proof is a
 *   successful event in the history, and that the record of its resources is gone: fencing deletes it, leaving in
 *   order keeps it. A node that was fenced earlier and is now stopped in order is therefore not taken for dead;
 * - `online="false"` proves nothing (a view without quorum, a remote node disabled in order or lost in maintenance have it like a
 *   fenced one), and `online="true"` alone proves no life: a dead remote node has it while it is being connected to;
 * - maintenance, standby and leaving in order are never a failure, even when the node dies in it; a remote node whose
 *   connection an operator has disabled has left, also when it was fenced before.
 */
import type { Fact } from '../source.ts';
import type { CibView, NodeState } from './cib.ts';
import type { ClusterView, Connection, NodeView } from './crm-mon.ts';
import { HUMAN, newestFencing, type Outlived } from './outlived.ts';

/** The finding about one node; the caller adds the host's name and the source. */
export type Finding = Pick<Fact, 'state' | 'proof' | 'detail' | 'at'>;

export interface Sighting {
  readonly view: ClusterView;
  readonly cib: CibView;
  readonly outlived: Outlived;
  /** The time of the poll, milliseconds UTC. */
  readonly now: number;
}

/**
 * `at` of a proven death is the time of the fencing in the cluster, not of the poll, so that all controllers report the same
 * time.
 */
export function findingOf(node: NodeView, { view, cib, outlived, now }: Sighting): Finding {
  const finding = (state: Finding['state'], detail: string): Finding => ({ state, detail, at: now });
  if (!view.hasCoordinator) return finding('unknown', 'the cluster has no coordinator (DC) here');
  if (!view.hasQuorum || !cib.hasQuorum) return finding('unknown', 'the cluster has no quorum here');
  if (view.isInMaintenance) return finding('leaving', 'the cluster is in maintenance');
  if (node.isInMaintenance) return finding('leaving', 'in maintenance');
  // A node that is joining is shown as online and in standby.
  if (node.isPending) return finding('unknown', 'about to join the cluster');
  if (node.isStandby) return finding('leaving', 'in standby');
  if (node.isShuttingDown) return finding('leaving', 'about to leave the cluster in order');
  const state = cib.states.get(node.name);
  if (state?.isMember === undefined) return finding('unknown', 'the cluster has no record of it');
  const connection = view.connections.get(node.name);
  if (node.isUnclean) {
    return node.isOnline || state.isMember
      ? finding('unknown', 'seen, but to be fenced')
      : finding('down', 'lost and not fenced so far');
  }
  if (state.isMember) {
    return isUp(node, state, connection)
      ? finding('up', node.isRemote ? 'connected' : 'member of the cluster')
      : finding('unknown', 'seen by the cluster, but not joined');
  }
  // Its record of a fencing stays while it is not connected, also if its host has been repaired and is in use.
  if (connection?.isDisabled) return finding('leaving', 'its connection is disabled');
  const death = node.isRemote
    ? remoteDeath(node, state, connection, view)
    : clusterNodeDeath(node, state, view, outlived);
  if (death !== undefined) return death;
  if (!node.isRemote && state.expected === 'down' && state.hasHistory)
    return finding('leaving', 'left the cluster in order');
  return finding('unknown', 'away, without a fencing that proves it dead');
}

function isUp(node: NodeView, state: NodeState, connection: Connection | undefined): boolean {
  if (!node.isOnline) return false;
  return node.isRemote ? connection?.isStarted === true : state.isController === true && state.join === 'member';
}

function remoteDeath(
  node: NodeView,
  state: NodeState,
  connection: Connection | undefined,
  view: ClusterView,
): Finding | undefined {
  const { fencedAt } = state;
  // An existing connection contradicts the record, e.g. after an operator confirmed the fencing of a living host.
  if (fencedAt === undefined || (node.isOnline && connection?.isStarted === true)) return undefined;
  return deathAt(fencedAt, newestFencing(view, node.name)?.delegate);
}

function clusterNodeDeath(
  node: NodeView,
  state: NodeState,
  view: ClusterView,
  outlived: Outlived,
): Finding | undefined {
  const isFencedInRecord = state.isController === false && state.join === 'down' && state.expected === 'down';
  if (node.isOnline || !isFencedInRecord || state.hasHistory) return undefined;
  const fencing = newestFencing(view, node.name);
  if (fencing === undefined || fencing.completedAt <= (outlived.get(node.name) ?? 0)) return undefined;
  return deathAt(fencing.completedAt, fencing.delegate);
}

function deathAt(at: number, delegate: string | undefined): Finding {
  const time = new Date(at).toISOString();
  if (delegate === HUMAN) {
    return { state: 'down', proof: 'operator', at, detail: `an operator confirmed at ${time} that it is off` };
  }
  const by = delegate === undefined ? ' according to the record of the cluster' : ` by ${delegate}`;
  return { state: 'down', proof: 'fenced', at, detail: `fenced at ${time}${by}` };
}
