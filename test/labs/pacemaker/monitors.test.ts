/**
 * From the failure to the recovery, with what is shipped and nothing in between: monitors on every node, Pacemaker's alerts,
 * the outbox, TLS between the nodes, and the engine wherever the cluster runs it.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { NotificationView, RecoveryView } from '#protocol/views.ts';
import { EngineCluster, NODES, until } from './engine_cluster.ts';

const CONFIG = '/etc/recovery-agent/monitors.conf';
const KEY = '/etc/recovery-agent/authkey';
const TRANSPORT = `[transport]
key_file = ${KEY}
`;
/** All controllers: the monitors find the one whose engine is active. */
const ENGINES = 'engines = 10.99.0.1, 10.99.0.2, 10.99.0.3\nretry_interval = 1\n';
const HOST = `${TRANSPORT}${ENGINES}
[monitors]
run = host
[host]
monitoring_interval = 2
suspicion_interval = 1
`;
const PROCESS = `${TRANSPORT}${ENGINES}
[monitors]
run = process
host_name = c2
[process]
process_list_path = /etc/recovery-agent/process_list.yaml
restart_retries = 0
restart_interval = 1
restart_delay = 0
`;
const LIST = `- process_name: sleep 5551
  start_command: sleep 5551
  restart_command: /bin/false
  run_as_root: true
  report_as: nova-compute
`;

let cluster: EngineCluster;
let hasFailed = false;
const times: string[] = [];

beforeAll(async () => {
  cluster = await EngineCluster.start({
    configuration: `${TRANSPORT}listen = 0.0.0.0\n`,
    prepare: async (made) => {
      await made.mustRun('n1', ['recovery-agent', 'keygen', KEY]);
      const key = await made.mustRun('n1', ['cat', KEY]);
      for (const node of ['n2', 'n3', 'c1', 'c2']) await made.lab.putFile(node, KEY, key, 0o600);
    },
  });
  await cluster.lab.pcs('alert', 'create', 'path=/usr/sbin/recovery-agent', 'id=recovery-agent');
  await Promise.all(NODES.map((node) => startMonitor(node, HOST, '/usr/sbin/recovery-agent')));
});

afterAll(async () => {
  process.stdout.write(`from the failure to the first step of its recovery:\n${times.join('\n')}\n`);
  await cluster?.stop(hasFailed ? 'keep' : 'remove');
});

afterEach(({ task }) => {
  hasFailed ||= task.result?.state === 'fail';
});

/** As its unit would, without systemd, which the nodes do not have. */
async function startMonitor(node: string, configuration: string, program: string): Promise<void> {
  await cluster.lab.putFile(node, CONFIG, configuration);
  const script = `exec "$0" monitor --config ${CONFIG} >>/var/log/monitor.log 2>&1 </dev/null`;
  await cluster.mustRun(node, ['setsid', '--fork', 'sh', '-c', script, program]);
  await until(`the monitor on ${node} to run`, 30, async () =>
    (await cluster.lab.run(node, ['grep', '-q', 'monitors run', '/var/log/monitor.log'])).status === 0
      ? true
      : undefined,
  );
}

async function notifications(): Promise<readonly NotificationView[]> {
  const node = await cluster.activeNode();
  const { status, stdout } = await cluster.lab.run(node, ['recovery-agent', 'list', '--json']);
  return status === 0 ? JSON.parse(stdout) : [];
}

async function about(host: string): Promise<readonly string[]> {
  return (await notifications())
    .filter(({ hostname }) => hostname === host)
    .map(({ type, payload, status }) => `${type} ${payload.event} ${status}`)
    .toReversed();
}

async function recoveryOf(host: string, type: string): Promise<RecoveryView> {
  return await until(`recovery of ${host} to be finished`, 120, async () => {
    const found = (await notifications()).find((one) => one.hostname === host && one.type === type);
    if (found?.status === 'failed' || found?.status === 'ignored')
      throw new Error(`it is ${found.status}: ${found.message}`);
    return found?.status === 'finished' ? await cluster.show(found.notification_uuid) : undefined;
  });
}

function note(name: string, began: number, { notification, flows }: RecoveryView): void {
  const since = (time: string): string => `${((Date.parse(time) - began) / 1000).toFixed(2)} s`;
  const first = flows[0]?.events[0]?.time ?? '';
  times.push(
    `  ${name.padEnd(28)} accepted after ${since(notification.accepted_at)}, first step after ${since(first)}`,
  );
}

/** What the monitor of a node sees of a host at this moment. */
async function sightOf(host: string, node: string): Promise<string | undefined> {
  const argv = ['recovery-agent', 'monitor', 'host', '--once', '--json', '--config', CONFIG];
  const { stdout } = await cluster.lab.run(node, argv, { timeoutMs: 60_000 });
  const [look] = JSON.parse(stdout) as readonly { sights?: readonly { subject: string; state: string }[] }[];
  return look?.sights?.find(({ subject }) => subject === host)?.state;
}

describe('with monitors on every controller', () => {
  it('a compute host that loses its power is fenced and recovered, once, though three monitors report it', async () => {
    cluster.world.addHost('c1', 100);
    const instances = Array.from({ length: 10 }, () => cluster.world.addInstance('c1').uuid);
    const began = Date.now();
    cluster.world.kill('c1');
    await cluster.lab.kill('c1');
    const recovery = await recoveryOf('c1', 'COMPUTE_HOST');
    note('power cut of a compute host', began, recovery);
    expect(instances.map((uuid) => cluster.world.counts.accepted[uuid])).toEqual(instances.map(() => 1));
    expect(cluster.world.counts.duplicates).toBe(0);
    expect(await about('c1')).toEqual(['COMPUTE_HOST STOPPED finished']);
  });

  it('its return is reported and moves nothing', async () => {
    await cluster.lab.boot('c1');
    await until('the return of c1 to be reported', 60, async () =>
      (await about('c1')).some((line) => line.startsWith('COMPUTE_HOST STARTED')) ? true : undefined,
    );
    expect(cluster.world.counts.duplicates).toBe(0);
    expect((await about('c1')).filter((line) => line.includes('STOPPED'))).toEqual(['COMPUTE_HOST STOPPED finished']);
  });

  it('a process that cannot be kept alive takes its host out of service', async () => {
    cluster.world.addHost('c2', 100);
    await cluster.lab.putFile('c2', '/etc/recovery-agent/process_list.yaml', LIST);
    await cluster.mustRun('c2', ['sh', '-c', 'setsid --fork sleep 5551 >/dev/null 2>&1 </dev/null']);
    await startMonitor('c2', PROCESS, '/mnt/dist/recovery-agent');
    const began = Date.now();
    await cluster.mustRun('c2', ['pkill', '--full', '^sleep 5551']);
    note('death of a process', began, await recoveryOf('c2', 'PROCESS'));
    expect(cluster.world.hosts.get('c2')?.status).toBe('disabled');
  });

  it('a controller that is fenced is no compute host, and the engine goes on elsewhere', async () => {
    const active = await cluster.activeNode();
    await cluster.lab.kill(active);
    await cluster.lab.waitForResource('recovery', { state: 'Started', notNode: active }, 60);
    await cluster.bootAgain(active);
    expect(await about(active)).toEqual([]);
  });

  it('neither standby, nor maintenance, nor a disabled connection, nor a loss without fencing, nor a partition begins a recovery', async () => {
    const quiet = async (host: string, state: readonly string[]): Promise<void> => {
      await until(`${host} to be seen as ${state.join(' or ')}`, 60, async () =>
        state.includes((await sightOf(host, 'n2')) ?? '') ? true : undefined,
      );
      // Each monitor has looked since: its own look comes at the latest after monitoring_interval, and the one above was later.
      expect((await about(host)).filter((line) => line.startsWith('COMPUTE_HOST STOPPED'))).toEqual([]);
    };
    await cluster.lab.pcs('node', 'standby', 'c2');
    await quiet('c2', ['leaving']);
    await cluster.lab.pcs('node', 'unstandby', 'c2');
    await cluster.lab.pcs('property', 'set', 'maintenance-mode=true');
    await quiet('c2', ['leaving']);
    await cluster.lab.pcs('property', 'set', 'maintenance-mode=false');
    await cluster.lab.pcs('resource', 'disable', 'c2');
    await quiet('c2', ['leaving', 'unknown']);
    await cluster.lab.pcs('resource', 'enable', 'c2');
    await cluster.lab.waitForOnline('c2', 90);
    await cluster.lab.pcs('property', 'set', 'stonith-enabled=false');
    await cluster.lab.kill('c2');
    await quiet('c2', ['suspected', 'unknown', 'leaving']);
    const active = await cluster.activeNode();
    const cut = ['n1', 'n3'].find((node) => node !== active) ?? 'n3';
    const before = await about('c1');
    await cluster.lab.partition(cut);
    await until(`${cut} to know nothing of anybody`, 60, async () =>
      (await sightOf('c1', cut)) === 'unknown' ? true : undefined,
    );
    expect(await about('c1')).toEqual(before);
    expect(cluster.world.counts.duplicates).toBe(0);
  });
});
