/** Reads the output of crm_mon: the scheduler's view, and the history of fencing. */
import * as v from 'valibot';
import { readClusterTime } from './cluster-time.ts';
import { errorsIn } from './tool-errors.ts';
import { childOf, type Element, elementsOf, parseXml, UnreadableXml } from './xml.ts';

/** `--fence-history=3`: every event, not the last of each kind alone. */
export const CRM_MON = [
  'crm_mon',
  '-1',
  '--inactive',
  '--include=all',
  '--fence-history=3',
  '--output-as=xml',
] as const;

export interface ClusterView {
  /** The coordinator's partition has quorum; false also without a coordinator. */
  readonly hasQuorum: boolean;
  /** A coordinator (DC) is elected. */
  readonly hasCoordinator: boolean;
  readonly isInMaintenance: boolean;
  readonly nodes: readonly NodeView[];
  /** The connections to remote nodes by their name; guest nodes and bundles have none. */
  readonly connections: ReadonlyMap<string, Connection>;
  readonly fencing: readonly FenceEvent[];
  /** `unreadable` if the fencer did not return its history: then `fencing` is empty and shows nothing. */
  readonly history: 'readable' | 'unreadable';
}

export interface NodeView {
  readonly name: string;
  readonly isRemote: boolean;
  /** A guest node or a replica of a bundle: it runs inside a resource of the cluster, and is no host. */
  readonly isGuest: boolean;
  /** Also true for a fenced remote node while Pacemaker retries its connection. */
  readonly isOnline: boolean;
  readonly isStandby: boolean;
  readonly isInMaintenance: boolean;
  readonly isPending: boolean;
  /** Lost, or to be fenced for another reason. */
  readonly isUnclean: boolean;
  /** It has requested to leave. */
  readonly isShuttingDown: boolean;
}

export interface Connection {
  /** Started, and no operation is in progress. */
  readonly isStarted: boolean;
  /** An operator disabled it: target-role Stopped. */
  readonly isDisabled: boolean;
}

export interface FenceEvent {
  readonly target: string;
  readonly action: string;
  readonly status: string;
  /** The node that carried it out; `a human` when an operator confirmed it. */
  readonly delegate: string | undefined;
  /** Milliseconds UTC. */
  readonly completedAt: number | undefined;
}

const yesNo = v.pipe(
  v.picklist(['true', 'false']),
  v.transform((word) => word === 'true'),
);
const maybeYes = v.optional(yesNo, 'false');

const nodeSchema = v.object({
  name: v.pipe(v.string(), v.minLength(1)),
  type: v.string(),
  // Only for guest nodes and bundles: the resource in which they run.
  id_as_resource: v.optional(v.string()),
  online: yesNo,
  standby: yesNo,
  maintenance: yesNo,
  pending: yesNo,
  unclean: yesNo,
  shutdown: yesNo,
});

const connectionSchema = v.object({
  id: v.string(),
  role: v.string(),
  target_role: v.optional(v.string(), ''),
  active: yesNo,
  failed: yesNo,
  pending: v.optional(v.string(), ''),
});

const fenceEventSchema = v.object({
  target: v.string(),
  action: v.string(),
  status: v.string(),
  delegate: v.optional(v.string()),
  completed: v.optional(v.string()),
});

const REMOTE_AGENT = /^ocf::?pacemaker:remote$/;

/** Throws `UnreadableXml` for anything that is not a complete output. */
export function parseCrmMon(xml: string): ClusterView {
  const root = parseXml(xml, 'crm_mon');
  if (root.name !== 'pacemaker-result') {
    throw new UnreadableXml(`crm_mon printed <${root.name}> and no <pacemaker-result>`);
  }
  const status = childOf(root, 'status')?.attributes;
  if (status?.code !== '0') throw new UnreadableXml(`crm_mon failed: ${status?.message ?? 'it printed no status'}`);
  const summary = childOf(root, 'summary');
  const nodes = childOf(root, 'nodes');
  if (summary === undefined || nodes === undefined) {
    throw new UnreadableXml(`crm_mon printed no summary or no nodes: ${errorsIn(xml) || 'no reason given'}`);
  }
  const dc = childOf(summary, 'current_dc')?.attributes;
  const options = childOf(summary, 'cluster_options')?.attributes ?? {};
  const resources = childOf(root, 'resources');
  const fencing = childOf(root, 'fence_history');
  return {
    hasQuorum: dc?.present === 'true' && dc.with_quorum === 'true',
    hasCoordinator: dc?.present === 'true',
    isInMaintenance: read(maybeYes, options['maintenance-mode'], 'maintenance-mode'),
    nodes: nodes.children.filter(({ name }) => name === 'node').map(nodeView),
    connections: new Map(
      (resources === undefined ? [] : elementsOf(resources, 'resource'))
        .filter(({ attributes }) => REMOTE_AGENT.test(attributes.resource_agent ?? ''))
        .map(connection),
    ),
    fencing: (fencing === undefined ? [] : elementsOf(fencing, 'fence_event')).map(fenceEvent),
    // Without any event there is no element; after a failed request it has a status and nothing else.
    history: (fencing?.attributes.status ?? '0') === '0' ? 'readable' : 'unreadable',
  };
}

function nodeView({ attributes }: Element): NodeView {
  const node = read(nodeSchema, attributes, 'node');
  return {
    name: node.name,
    isRemote: node.type === 'remote',
    isGuest: node.id_as_resource !== undefined,
    isOnline: node.online,
    isStandby: node.standby,
    isInMaintenance: node.maintenance,
    isPending: node.pending,
    isUnclean: node.unclean,
    isShuttingDown: node.shutdown,
  };
}

function connection({ attributes }: Element): [string, Connection] {
  const resource = read(connectionSchema, attributes, 'resource');
  const isStarted = resource.role === 'Started' && resource.active && !resource.failed && resource.pending === '';
  return [resource.id, { isStarted, isDisabled: resource.target_role === 'Stopped' }];
}

function fenceEvent({ attributes }: Element): FenceEvent {
  const { completed, ...event } = read(fenceEventSchema, attributes, 'fence_event');
  return { ...event, delegate: event.delegate, completedAt: readClusterTime(completed) };
}

function read<T extends v.GenericSchema>(schema: T, input: unknown, what: string): v.InferOutput<T> {
  const result = v.safeParse(schema, input);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new UnreadableXml(
    `crm_mon printed a ${what} that is not understood: ${v.getDotPath(issue) ?? ''} ${issue.message}`,
  );
}
