/** Configurations and states of a cluster in the forms of three Pacemaker releases. They are what the tools read, not what they print. */

/** Feature set and schema of its configurations. */
export interface Form {
  readonly release: '2.0' | '2.1' | '3.0';
  readonly features: string;
  readonly schema: string;
}

export const FORMS: readonly Form[] = [
  { release: '2.0', features: '3.2.0', schema: 'pacemaker-3.2' },
  { release: '2.1', features: '3.16.2', schema: 'pacemaker-3.9' },
  { release: '3.0', features: '3.20.0', schema: 'pacemaker-4.0' },
];

export const BUNDLE = `<bundle id="galera-bundle"><podman image="localhost/galera:1" replicas="2" />
  <network ip-range-start="192.0.2.10" control-port="3121" />
  <primitive id="galera" class="ocf" provider="heartbeat" type="galera" /></bundle>`;

export const GUEST = `<primitive id="vm-dash" class="ocf" provider="heartbeat" type="VirtualDomain"><meta_attributes id="vm-dash-meta">
  <nvpair id="vm-dash-node" name="remote-node" value="dash" /></meta_attributes></primitive>`;

export function remote(name: string, targetRole?: 'Stopped'): string {
  const role = `<nvpair id="${name}-role" name="target-role" value="${targetRole}" />`;
  const meta = targetRole === undefined ? '' : `<meta_attributes id="${name}-meta">${role}</meta_attributes>`;
  return `<primitive id="${name}" class="ocf" provider="pacemaker" type="remote">${meta}</primitive>`;
}

/** A resource that no node may start. */
export const STOPPED = `<primitive id="idle" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id="idle-meta">
  <nvpair id="idle-role" name="target-role" value="Stopped" /></meta_attributes></primitive>`;

export interface Member {
  readonly name: string;
  readonly is?: 'online' | 'standby' | 'maintenance' | 'pending' | 'unclean' | 'left';
}

const STATES: Readonly<Record<NonNullable<Member['is']>, string>> = {
  online: 'in_ccm="true" crmd="online" join="member" expected="member"',
  standby: 'in_ccm="true" crmd="online" join="member" expected="member"',
  maintenance: 'in_ccm="true" crmd="online" join="member" expected="member"',
  pending: 'in_ccm="true" crmd="offline" join="down" expected="down"',
  unclean: 'in_ccm="false" crmd="offline" join="down" expected="member"',
  left: 'in_ccm="false" crmd="offline" join="down" expected="down"',
};

export interface Remote {
  readonly name: string;
  /** Its connection was started on the first member. */
  readonly is?: 'connected' | 'fenced' | 'new' | 'disabled';
}

export interface Scene {
  readonly members?: readonly Member[];
  readonly remotes?: readonly Remote[];
  /** Further resources. */
  readonly resources?: string;
  readonly quorum?: 'with' | 'without';
  readonly coordinator?: 'elected' | 'none';
}

/** The moment of a fencing in the cluster's record, seconds UTC. */
export const FENCED_AT = 1_795_248_000;

export function cib({ features, schema }: Form, scene: Scene): string {
  const { members = [{ name: 'n1' }, { name: 'n2' }, { name: 'n3' }], remotes = [], resources = '' } = scene;
  const nodes = members.map(({ name, is }, index) => {
    const set = is === 'standby' || is === 'maintenance' ? is : undefined;
    const nvpair = `<nvpair id="n${index}-${set}" name="${set}" value="${set === 'standby' ? 'on' : 'true'}" />`;
    const attributes = set === undefined ? '' : `<instance_attributes id="n${index}-a">${nvpair}</instance_attributes>`;
    return `<node id="${index + 1}" uname="${name}">${attributes}</node>`;
  });
  const connections = remotes.filter(({ is = 'connected' }) => is === 'connected').map(({ name }) => name);
  const states = members.map(({ name, is = 'online' }, index) => {
    const history = index === 0 ? connections.map((connection) => started(connection, features)).join('') : '';
    const lrm = `<lrm id="${index + 1}"><lrm_resources>${history}</lrm_resources></lrm>`;
    return `<node_state id="${index + 1}" uname="${name}" ${STATES[is]}>${lrm}</node_state>`;
  });
  const remoteStates = remotes.flatMap(({ name, is = 'connected' }) => {
    const state = `<node_state remote_node="true" id="${name}" uname="${name}"`;
    if (is === 'new') return [];
    if (is === 'connected')
      return [`${state} in_ccm="true" node_fenced="0"><lrm id="${name}"><lrm_resources /></lrm></node_state>`];
    return [`${state} in_ccm="false" node_fenced="${is === 'fenced' ? FENCED_AT : 0}" />`];
  });
  const primitives = remotes.map(({ name, is }) => remote(name, is === 'disabled' ? 'Stopped' : undefined));
  const dc = scene.coordinator === 'none' ? '' : ' dc-uuid="1"';
  const quorum = scene.quorum === 'without' ? 0 : 1;
  return `<cib crm_feature_set="${features}" validate-with="${schema}" epoch="5" num_updates="1" admin_epoch="0" have-quorum="${quorum}"${dc}>
<configuration><crm_config /><nodes>${nodes.join('')}</nodes><resources>${primitives.join('')}${resources}</resources><constraints /></configuration>
<status>${states.join('')}${remoteStates.join('')}</status></cib>`;
}

/** What a node keeps of a resource that it started with success. */
function started(resource: string, features: string): string {
  const magic = '0:0;1:1:0:00000000-0000-0000-0000-000000000000';
  const op = `operation_key="${resource}_start_0" operation="start" crm-debug-origin="do_update_resource" crm_feature_set="${features}"`;
  const call = `transition-key="${magic.slice(4)}" transition-magic="${magic}" call-id="1" rc-code="0" op-status="0" interval="0" last-rc-change="1795240000" exec-time="1" queue-time="0" op-digest="0"`;
  return `<lrm_resource id="${resource}" type="remote" class="ocf" provider="pacemaker"><lrm_rsc_op id="${resource}_last_0" ${op} ${call} /></lrm_resource>`;
}
