/** Which nodes are compute hosts, from what the real crm_mon prints of configurations with bundles, guest nodes and remote nodes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_OPTIONS } from '#config/options.ts';
import { CRM_MON, parseCrmMon } from '#monitors/host/pacemaker/crm-mon.ts';
import { computeNodes } from '#monitors/host/pacemaker/names.ts';
import { execute, PATH } from './execute.ts';
import { installPackages } from './install.ts';

beforeAll(async () => {
  await installPackages();
});

const BUNDLE = `<bundle id="galera-bundle"><podman image="localhost/galera:1" replicas="2" />
  <network ip-range-start="192.0.2.10" control-port="3121" />
  <primitive id="galera" class="ocf" provider="heartbeat" type="galera" /></bundle>`;
const GUEST = `<primitive id="vm-dash" class="ocf" provider="heartbeat" type="VirtualDomain"><meta_attributes id="vm-dash-meta">
  <nvpair id="vm-dash-node" name="remote-node" value="dash" /></meta_attributes></primitive>`;
const REMOTE = '<primitive id="c1" class="ocf" provider="pacemaker" type="remote" />';

/** Release, feature set and schema of its configurations. */
type Form = readonly [release: string, features: string, schema: string];

const FORMS: readonly Form[] = [
  ['2.0', '3.2.0', 'pacemaker-3.2'],
  ['2.1', '3.16.2', 'pacemaker-3.9'],
];

function cib([, features, schema]: Form, resources: string): string {
  const nodes = ['n1', 'n2', 'n3'].map((name, index) => `<node id="${index + 1}" uname="${name}" />`).join('');
  const states = ['n1', 'n2', 'n3'].map(
    (name, index) =>
      `<node_state id="${index + 1}" uname="${name}" in_ccm="true" crmd="online" join="member" expected="member"><lrm id="${index + 1}"><lrm_resources /></lrm></node_state>`,
  );
  return `<cib crm_feature_set="${features}" validate-with="${schema}" epoch="5" num_updates="1" admin_epoch="0" have-quorum="1" dc-uuid="1">
<configuration><crm_config /><nodes>${nodes}</nodes><resources>${resources}</resources><constraints /></configuration>
<status>${states.join('')}</status></cib>`;
}

async function watched(text: string): Promise<readonly string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'recovery-agent-crm-mon-'));
  try {
    const file = join(directory, 'cib.xml');
    writeFileSync(file, text);
    const { status, stdout, stderr } = await execute(CRM_MON, { env: { PATH, CIB_file: file } });
    if (status !== 0) throw new Error(`crm_mon: ${stderr}`);
    const nodes = computeNodes(parseCrmMon(stdout), DEFAULT_OPTIONS.hostMonitor);
    return nodes.map(({ name }) => name).sort();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe.each(FORMS)('in a configuration of Pacemaker %s', (...form) => {
  it.each([
    ['cluster nodes', '', ['n1', 'n2', 'n3']],
    ['cluster nodes beside a bundle', BUNDLE, ['n1', 'n2', 'n3']],
    ['cluster nodes beside a guest node', GUEST, ['n1', 'n2', 'n3']],
    ['cluster nodes beside a bundle and a guest node', BUNDLE + GUEST, ['n1', 'n2', 'n3']],
    ['remote nodes', REMOTE, ['c1']],
    ['remote nodes beside a bundle and a guest node', BUNDLE + REMOTE + GUEST, ['c1']],
  ])('the compute hosts are the %s', async (_, resources, expected) => {
    expect(await watched(cib(form, resources))).toEqual(expected);
  });
});
