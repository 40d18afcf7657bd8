/**
 * What Pacemaker says of a host, from one sight of the cluster. Pure.
 *
 * Invariants, each of which stands against two copies of an instance:
 * - without quorum nothing is said but `unknown`: the other side may see it otherwise;
 * - a proof is given only for a fencing that succeeded after the node was last seen. Of remote nodes the cluster's record
 *   says so itself: it sets `node_fenced` when it has fenced one and to 0 when that comes up. Of cluster nodes it is shown
 *   by a successful event in the history, and by the record of what ran there being gone: fencing deletes it, leaving in
 *   order keeps it. A node that was fenced earlier and is now stopped in order is therefore not taken for dead;
 * - `online="false"` proves nothing (a view without quorum, a remote node disabled in order or lost in maintenance look like a
 *   fenced one), and `online="true"` alone proves no life: a dead remote node has it while it is being connected to;
 * - maintenance, standby and leaving in order are never a failure, even when the node dies in it; a remote node whose
 *   connection an operator has disabled has left, also when it was fenced before.
 */
import type { Fact } from '../fact.ts';
import type { CibView, NodeState } from './cib.ts';
import type { ClusterView, Connection, NodeView } from './crm-mon.ts';
import { HUMAN, newestFencing, type Outlived } from './outlived.ts';

/** What one node is seen as; the host's name and the source are added by the caller. */
export type Finding = Pick<Fact, 'says' | 'proof' | 'detail' | 'at'>;

export interface Sighting {
  readonly view: ClusterView;
  readonly cib: CibView;
  readonly outlived: Outlived;
  /** When it was seen, milliseconds UTC. */
  readonly now: number;
}

/**
 * `at` of a proven death is the time of the fencing as the cluster has it, not that of the look: all controllers then report
 * the very same.
 */
export function findingOf(node: NodeView, { view, cib, outlived, now }: Sighting): Finding {
  const say = (says: Finding['says'], detail: string): Finding => ({ says, detail, at: now });
  if (!view.hasQuorum || !cib.hasQuorum) return say('unknown', 'the cluster has no quorum here');
  if (view.isInMaintenance) return say('leaving', 'the cluster is in maintenance');
  if (node.isInMaintenance) return say('leaving', 'in maintenance');
  // A node that is joining is shown as online and in standby.
  if (node.isPending) return say('unknown', 'about to join the cluster');
  if (node.isStandby) return say('leaving', 'in standby');
  if (node.isShuttingDown) return say('leaving', 'about to leave the cluster in order');
  const state = cib.states.get(node.name);
  if (state?.isMember === undefined) return say('unknown', 'the cluster has no record of it');
  const connection = view.connections.get(node.name);
  if (node.isUnclean) {
    return node.isOnline || state.isMember
      ? say('unknown', 'seen, but to be fenced')
      : say('down', 'lost and not fenced so far');
  }
  if (state.isMember) {
    return isUp(node, state, connection)
      ? say('up', node.isRemote ? 'connected' : 'member of the cluster')
      : say('unknown', 'seen by the cluster, but not joined');
  }
  // Its record of a fencing stays for as long as it is not connected, however long its host has been repaired and in use.
  if (connection?.isDisabled) return say('leaving', 'its connection is disabled');
  const death = node.isRemote
    ? remoteDeath(node, state, connection, view)
    : clusterNodeDeath(node, state, view, outlived);
  if (death !== undefined) return death;
  if (!node.isRemote && state.expected === 'down' && state.hasHistory)
    return say('leaving', 'left the cluster in order');
  return say('unknown', 'away, without a fencing that proves it dead');
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
  // A connection that stands speaks against the record, e.g. when somebody confirmed the fencing of a living host.
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
    return { says: 'down', proof: 'operator', at, detail: `an operator confirmed at ${time} that it is off` };
  }
  const by = delegate === undefined ? ', says the record of the cluster' : ` by ${delegate}`;
  return { says: 'down', proof: 'fenced', at, detail: `fenced at ${time}${by}` };
}
