/** Selects the nodes of the cluster that are compute hosts, and their names in Nova. Pure; nothing is guessed. */
import type { EngineOptions } from '#config/options/options.ts';
import type { ClusterView, NodeView } from './crm-mon.ts';

export type NameOptions = Pick<
  EngineOptions['hostMonitor'],
  'computeHosts' | 'restrictToRemotes' | 'pacemakerNodeType' | 'hostNames' | 'hostNameForm' | 'hostNameDomain'
>;

/** Nodes that are watched. Guest nodes and replicas of bundles are not, unless `compute_hosts` names them. */
export function computeNodes(view: ClusterView, options: NameOptions): readonly NodeView[] {
  const { computeHosts, restrictToRemotes, pacemakerNodeType } = options;
  if (computeHosts.length > 0) return view.nodes.filter(({ name }) => computeHosts.includes(name));
  const remotes = view.nodes.filter(
    ({ name, isRemote, isGuest }) => isRemote && !isGuest && view.connections.has(name),
  );
  if (restrictToRemotes || pacemakerNodeType === 'remote') return remotes;
  if (pacemakerNodeType === 'autodetect' && remotes.length > 0) return remotes;
  return view.nodes.filter(({ isRemote }) => !isRemote);
}

/** Why no node is watched, for the operator. */
export function noComputeNode(view: ClusterView): string {
  if (view.nodes.length === 0) return 'Pacemaker lists no node at all';
  const guests = view.nodes.filter(({ isGuest }) => isGuest).length;
  const remotes = view.nodes.filter(({ isRemote, isGuest }) => isRemote && !isGuest).length;
  const members = view.nodes.length - guests - remotes;
  return (
    `Pacemaker has no node that is a compute host (cluster nodes: ${members}, remote nodes: ${remotes}, ` +
    `guest nodes and replicas of bundles: ${guests}); see [host] pacemaker_node_type, restrict_to_remotes, compute_hosts`
  );
}

/** Names of `compute_hosts` that no node has: misspelt, or of a node that was removed. */
export function strangeNames(view: ClusterView, { computeHosts }: NameOptions): readonly string[] {
  return computeHosts.filter((wanted) => view.nodes.every(({ name }) => name !== wanted));
}

/** The name of a node's host in Nova: from host_names, else by the form. */
export function hostOf(node: string, { hostNames, hostNameForm, hostNameDomain }: NameOptions): string {
  const named = Object.hasOwn(hostNames, node) ? hostNames[node] : undefined;
  if (named !== undefined) return named;
  if (hostNameForm === 'short') return node.split('.')[0] ?? node;
  if (hostNameForm === 'full' && !node.includes('.')) return `${node}.${hostNameDomain}`;
  return node;
}

/** Two nodes with the same host name: the death of one must not be reported for the other. */
export function ambiguousHosts(nodes: readonly NodeView[], options: NameOptions): ReadonlySet<string> {
  const counts = Map.groupBy(nodes, ({ name }) => hostOf(name, options));
  return new Set([...counts].filter(([, same]) => same.length > 1).map(([host]) => host));
}
