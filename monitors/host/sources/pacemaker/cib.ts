/** Reads the cluster's own record (CIB) of each node: whether it is a member, and whether it was fenced. */
import { childOf, elementsOf, parseXml, UnreadableXml } from './xml.ts';

export const CIBADMIN = ['cibadmin', '-Q'] as const;

export interface CibView {
  readonly hasQuorum: boolean;
  readonly states: ReadonlyMap<string, NodeState>;
}

export interface NodeState {
  readonly name: string;
  /** Part of the membership, or connected; undefined if the record does not have it. */
  readonly isMember: boolean | undefined;
  /** Its controller has joined; of cluster nodes only. */
  readonly isController: boolean | undefined;
  readonly join: string | undefined;
  /** `down` after it was fenced and after it left in order. */
  readonly expected: string | undefined;
  /** Of remote nodes: when it was fenced, milliseconds UTC; set to 0 when it comes up. */
  readonly fencedAt: number | undefined;
  /**
   * The record has the history of its resources. Fencing deletes it, leaving in order keeps it: only this distinguishes a cluster
   * node that was stopped after an older fencing from one that was fenced.
   */
  readonly hasHistory: boolean;
}

/** Throws `UnreadableXml` for anything that is not a complete output. */
export function parseCib(xml: string): CibView {
  const root = parseXml(xml, 'cibadmin');
  const status = childOf(root, 'status');
  if (root.name !== 'cib' || status === undefined) throw new UnreadableXml('cibadmin printed no CIB with a status');
  const states = elementsOf(status, 'node_state').map(({ attributes, children }): NodeState => {
    const name = attributes.uname ?? '';
    if (name === '') throw new UnreadableXml('cibadmin printed a node_state without a name');
    return {
      name,
      isMember: readFlag(attributes.in_ccm),
      isController: readFlag(attributes.crmd),
      join: attributes.join,
      expected: attributes.expected,
      fencedAt: readEpoch(attributes.node_fenced),
      hasHistory: children.some((child) => child.name === 'lrm'),
    };
  });
  return { hasQuorum: root.attributes['have-quorum'] === '1', states: new Map(states.map((one) => [one.name, one])) };
}

/** A word, or since Pacemaker 2.1.7 the time since when; 0 is no. */
function readFlag(text: string | undefined): boolean | undefined {
  if (text === 'true' || text === 'online') return true;
  if (text === 'false' || text === 'offline') return false;
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) > 0 : undefined;
}

function readEpoch(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,12}$/.test(text)) return undefined;
  const seconds = Number(text);
  return seconds > 0 ? seconds * 1000 : undefined;
}
