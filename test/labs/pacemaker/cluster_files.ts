import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MachinePlan } from './machine.ts';

/**
 * The files that every node finds on its disk at its first boot: the cluster is complete, remote nodes and working STONITH
 * included, before its first process starts.
 */

export interface ClusterPlan {
  readonly machines: readonly MachinePlan[];
  /** Pacemaker's fencing action; a node that was switched off stays so until the test boots it. */
  readonly stonithAction: 'off' | 'reboot';
  /** How long corosync waits for a node's token, ms; Debian's default is 3000. */
  readonly tokenMs: number;
}

export const POWER_DEVICE = 'power';

export function writeClusterFiles(directory: string, plan: ClusterPlan, remoteDaemon: string): void {
  const folder = join(directory, 'node');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'hosts'), hosts(plan));
  writeFileSync(join(folder, 'corosync.conf'), corosyncConf(plan));
  writeFileSync(join(folder, 'cib.xml'), firstCib(plan));
  writeFileSync(join(folder, 'authkey'), randomBytes(256), { mode: 0o600 });
  for (const file of ['init.sh', 'fence_lab.py'])
    copyFileSync(join(import.meta.dirname, 'node', file), join(folder, file));
  copyFileSync(remoteDaemon, join(folder, 'pacemaker-remoted'));
}

function hosts({ machines }: ClusterPlan): string {
  return ['127.0.0.1 localhost', ...machines.map(({ address, name }) => `${address} ${name}`), ''].join('\n');
}

const ofRole = ({ machines }: ClusterPlan, role: MachinePlan['role']): MachinePlan[] =>
  machines.filter((machine) => machine.role === role);

/** Real-time scheduling and the root control group are for machines that a cluster has for itself. */
function corosyncConf(plan: ClusterPlan): string {
  const nodes = ofRole(plan, 'cluster').map(
    ({ name, address }, index) =>
      `  node {\n    name: ${name}\n    nodeid: ${index + 1}\n    ring0_addr: ${address}\n  }`,
  );
  return `totem {
  version: 2
  cluster_name: lab
  transport: knet
  token: ${plan.tokenMs}
  crypto_cipher: none
  crypto_hash: none
}
system {
  sched_rr: no
  move_to_root_cgroup: no
}
logging {
  to_logfile: yes
  logfile: /var/log/corosync/corosync.log
  to_syslog: no
  timestamp: hires
}
quorum {
  provider: corosync_votequorum
${nodes.length === 2 ? '  two_node: 1\n  wait_for_all: 0\n' : ''}}
nodelist {
${nodes.join('\n')}
}
`;
}

const nvpairs = (prefix: string, pairs: Readonly<Record<string, string>>): string =>
  Object.entries(pairs)
    .map(([name, value]) => `<nvpair id="${prefix}-${name}" name="${name}" value="${value}"/>`)
    .join('');

/**
 * Seconds after which a remote node that does not respond counts as lost, and is fenced. A machine that is busy responds late; two
 * seconds were too short for one whose processes all start at once.
 */
const REMOTE_MONITOR_TIMEOUT_SECONDS = 8;

/**
 * `dc-deadtime` (default 20 s) is the time for which a starting node waits for a coordinator before it starts an election.
 * The feature set is one that every Pacemaker 2 accepts from an older release.
 */
function firstCib(plan: ClusterPlan): string {
  const names = plan.machines.map(({ name }) => name).join(' ');
  const properties = {
    'stonith-enabled': 'true',
    'stonith-action': plan.stonithAction,
    'stonith-timeout': '20s',
    'dc-deadtime': '1s',
    'cluster-name': 'lab',
  };
  const remotes = ofRole(plan, 'remote').map(
    ({ name }) => `      <primitive id="${name}" class="ocf" provider="pacemaker" type="remote">
        <instance_attributes id="${name}-attributes">${nvpairs(name, { server: name, reconnect_interval: '60s' })}</instance_attributes>
        <operations><op id="${name}-monitor" name="monitor" interval="1s" timeout="${REMOTE_MONITOR_TIMEOUT_SECONDS}s"/></operations>
      </primitive>`,
  );
  return `<cib crm_feature_set="3.0.14" validate-with="pacemaker-3.9" admin_epoch="1" epoch="1" num_updates="0">
  <configuration>
    <crm_config><cluster_property_set id="options">${nvpairs('options', properties)}</cluster_property_set></crm_config>
    <nodes/>
    <resources>
      <primitive id="${POWER_DEVICE}" class="stonith" type="fence_lab">
        <instance_attributes id="${POWER_DEVICE}-attributes">${nvpairs(POWER_DEVICE, { pcmk_host_check: 'static-list', pcmk_host_list: names })}</instance_attributes>
        <operations><op id="${POWER_DEVICE}-monitor" name="monitor" interval="60s" timeout="15s"/></operations>
      </primitive>
${remotes.join('\n')}
    </resources>
    <constraints/>
  </configuration>
  <status/>
</cib>
`;
}
