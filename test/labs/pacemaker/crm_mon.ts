import { childOf, type Element, elementsOf, parseXml } from './xml.ts';

/** The view of one node of the cluster, from `crm_mon --output-as=xml`. Each node has its own view. */
export interface ClusterView {
  /** Whether the coordinator's partition has quorum; false also without a coordinator. */
  readonly hasQuorum: boolean;
  /** Name of the coordinator. */
  readonly dc: string | undefined;
  readonly nodes: readonly NodeView[];
  /** Instances of a clone have the same name. */
  readonly resources: readonly ResourceView[];
  readonly fencing: readonly FenceEvent[];
  /** Transient and permanent node attributes, by node and name. */
  readonly attributes: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface NodeView {
  readonly name: string;
  /** `member` or `remote`. */
  readonly type: string;
  /** True for a fenced remote node whose connection is being retried, although it is not online. */
  readonly isOnline: boolean;
  readonly isPending: boolean;
  readonly isStandby: boolean;
  readonly isUnclean: boolean;
  readonly isInMaintenance: boolean;
}

export interface ResourceView {
  readonly name: string;
  /** As `ocf:heartbeat:Dummy`. */
  readonly agent: string;
  /** `Started`, `Stopped`, `Promoted`, `Unpromoted`, `Starting`, … */
  readonly state: string;
  readonly nodes: readonly string[];
  readonly isFailed: boolean;
  readonly isBlocked: boolean;
  readonly isManaged: boolean;
  /** The operation under way, as `Starting`. */
  readonly pending: string | undefined;
}

export interface FenceEvent {
  readonly target: string;
  readonly action: string;
  /** `success`, `failed` or `pending`. */
  readonly status: string;
  /** The node that carried it out. */
  readonly delegate: string | undefined;
  /** To the second. */
  readonly completedAt: string | undefined;
}

export const CRM_MON = ['crm_mon', '-1', '--inactive', '--include=all', '--output-as=xml'] as const;

export function parseCrmMon(xml: string): ClusterView {
  const root = parseXml(xml);
  const part = (name: string): Element => childOf(root, name) ?? { name, attributes: {}, children: [] };
  const dc = elementsOf(part('summary'), 'current_dc')[0]?.attributes;
  return {
    hasQuorum: dc?.present === 'true' && dc.with_quorum === 'true',
    dc: dc?.name,
    nodes: part('nodes').children.map(nodeView),
    resources: elementsOf(part('resources'), 'resource').map(resourceView),
    fencing: elementsOf(part('fence_history'), 'fence_event').map(fenceEvent),
    attributes: Object.fromEntries(part('node_attributes').children.map(nodeAttributes)),
  };
}

function nodeView({ attributes }: Element): NodeView {
  return {
    name: attributes.name ?? '',
    type: attributes.type ?? '',
    isOnline: attributes.online === 'true',
    isPending: attributes.pending === 'true',
    isStandby: attributes.standby === 'true',
    isUnclean: attributes.unclean === 'true',
    isInMaintenance: attributes.maintenance === 'true',
  };
}

function resourceView(element: Element): ResourceView {
  const { attributes } = element;
  return {
    name: attributes.id ?? '',
    agent: attributes.resource_agent ?? '',
    state: attributes.role ?? '',
    nodes: elementsOf(element, 'node').map((node) => node.attributes.name ?? ''),
    isFailed: attributes.failed === 'true',
    isBlocked: attributes.blocked === 'true',
    isManaged: attributes.managed === 'true',
    pending: attributes.pending,
  };
}

function fenceEvent({ attributes }: Element): FenceEvent {
  return {
    target: attributes.target ?? '',
    action: attributes.action ?? '',
    status: attributes.status ?? '',
    delegate: attributes.delegate,
    completedAt: attributes.completed,
  };
}

function nodeAttributes(node: Element): [string, Record<string, string>] {
  const pairs = elementsOf(node, 'attribute').map(({ attributes }) => [attributes.name ?? '', attributes.value ?? '']);
  return [node.attributes.name ?? '', Object.fromEntries(pairs)];
}
