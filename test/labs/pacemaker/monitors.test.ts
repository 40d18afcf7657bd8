/**
 * From the failure to the recovery, with what is shipped and nothing in between: monitors on every node, Pacemaker's alerts,
 * the outbox, TLS between the nodes, and the engine wherever the cluster runs it.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { momentNow } from '#monitors/outbox/age.ts';
import { formatReport } from '#monitors/outbox/report-file.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import type { AuditView, NotificationView, RecoveryView } from '#protocol/views.ts';
import { ClusterKeys, KEY_FILE, RING_FILE } from './cluster_keys.ts';
import { EngineCluster, NODES, until } from './engine_cluster.ts';
import { FailingProcesses, MONITOR_LOG, OUTBOX, REPORT_SOON } from './failing_processes.ts';

const PID_FILE = '/run/monitor.pid';
const CONFIG = '/etc/recovery-agent/monitors.conf';
/** As Nova has them. */
const HOSTS: readonly string[] = ['c1', 'c2', 'c3'];
const ADDRESSES: Readonly<Record<string, string>> = { c1: '10.99.0.101', c2: '10.99.0.102', c3: '10.99.0.103' };
const TRANSPORT = `[transport]
key_file = ${KEY_FILE}
answer_timeout = 3
`;
/** Host monitors report deaths, so the controllers are watchers. */
const ENGINE = `[transport]
listen = 0.0.0.0
key_ring_file = ${RING_FILE}
watchers = ${NODES.join(', ')}
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
const OWN_PROCESSES = `${TRANSPORT}${ENGINES}
[monitors]
run = process
${REPORT_SOON}`;
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
let keys: ClusterKeys;
let hasFailed = false;
const times: string[] = [];
const counts: string[] = [];

beforeAll(async () => {
  cluster = await EngineCluster.start({
    configuration: ENGINE,
    remoteNodes: HOSTS.length,
    prepare: async (made) => {
      for (const host of HOSTS) made.world.addHost(host, 100);
      keys = await ClusterKeys.init(made, NODES);
      for (const node of NODES) await keys.issue(node, 'watcher');
      for (const host of HOSTS) await keys.issue(host);
      await keys.copyRing();
    },
  });
  await cluster.lab.pcs('alert', 'create', 'path=/usr/sbin/recovery-agent', 'id=recovery-agent');
  await Promise.all(NODES.map((node) => startMonitor(node, HOST, '/usr/sbin/recovery-agent')));
});

afterAll(async () => {
  process.stdout.write(`from the failure to the first step of its recovery:\n${times.join('\n')}\n`);
  process.stdout.write(`reports of failed processes: ${counts.join(', ')}\n`);
  await cluster?.stop(hasFailed ? 'keep' : 'remove');
});

afterEach(({ task }) => {
  hasFailed ||= task.result?.state === 'fail';
});

/** As its unit would, without systemd, which the nodes do not have. */
async function startMonitor(node: string, configuration: string, program: string): Promise<void> {
  const starts = async (): Promise<number> => {
    const { stdout } = await cluster.lab.run(node, ['grep', '-c', 'monitors run', MONITOR_LOG]);
    return Number(stdout);
  };
  await cluster.lab.putFile(node, CONFIG, configuration);
  const before = await starts();
  const script = `echo $$ >${PID_FILE}; exec "$0" monitor --config ${CONFIG} >>${MONITOR_LOG} 2>&1 </dev/null`;
  await cluster.mustRun(node, ['setsid', '--fork', 'sh', '-c', script, program]);
  await until(`the monitor on ${node} to run`, 30, async () => ((await starts()) > before ? true : undefined));
}

async function stopMonitor(node: string): Promise<void> {
  const pid = (await cluster.mustRun(node, ['cat', PID_FILE])).trim();
  await cluster.mustRun(node, ['kill', pid]);
  await until(`the monitor on ${node} to end`, 30, async () =>
    (await cluster.lab.run(node, ['kill', '-0', pid])).status === 0 ? undefined : true,
  );
}

async function notifications(): Promise<readonly NotificationView[]> {
  const node = await cluster.activeNode();
  const { status, stdout } = await cluster.lab.run(node, ['recovery-agent', 'list', '--limit', '10000', '--json']);
  return status === 0 ? JSON.parse(stdout) : [];
}

/** Without the processes of the tests, which the engine does not recover. */
async function recoverable(): Promise<readonly NotificationView[]> {
  return (await notifications()).filter(
    ({ type, payload }) => type !== 'PROCESS' || payload.process_name === 'nova-compute',
  );
}

async function about(host: string): Promise<readonly string[]> {
  return (await recoverable())
    .filter(({ hostname }) => hostname === host)
    .map(({ type, payload, status }) => `${type} ${payload.event} ${status}`)
    .toReversed();
}

async function recoveryOf(host: string, type: string): Promise<RecoveryView> {
  return await until(`recovery of ${host} to be finished`, 120, async () => {
    const found = (await recoverable()).find((one) => one.hostname === host && one.type === type);
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
async function stateOf(host: string, node: string): Promise<string | undefined> {
  const argv = ['recovery-agent', 'monitor', 'host', '--once', '--json', '--config', CONFIG];
  const { stdout } = await cluster.lab.run(node, argv, { timeoutMs: 60_000 });
  const [poll] = JSON.parse(stdout) as readonly { sights?: readonly { subject: string; state: string }[] }[];
  return poll?.sights?.find(({ subject }) => subject === host)?.state;
}

/** The process names that the journal has of a host, oldest first. */
async function journaled(host: string): Promise<readonly string[]> {
  return (await notifications())
    .filter(({ hostname, type }) => hostname === host && type === 'PROCESS')
    .map(({ payload }) => payload.process_name ?? '')
    .toReversed();
}

async function audit(): Promise<readonly AuditView[]> {
  const argv = ['recovery-agent', 'audit', '--limit', '10000', '--json'];
  return JSON.parse(await cluster.mustRun(await cluster.activeNode(), argv));
}

async function untilJournaled(host: string, names: readonly string[], seconds: number): Promise<void> {
  await until(`${names.join(', ')} of ${host} to be in the journal`, seconds, async () => {
    const found = new Set(await journaled(host));
    return names.every((name) => found.has(name)) ? true : undefined;
  });
}

/** As root of a compromised host can: writes a report into the outbox of the host. Returns its path. */
async function forge(host: string, number: number, body: NotificationBody): Promise<string> {
  const path = `${OUTBOX}/${String(number).padStart(16, '0')}-1.report`;
  const unfinished = '/var/lib/recovery-agent/forged';
  const report = formatReport({ body, written: momentNow(), proof: 'fencing' });
  await cluster.lab.putFile(host, unfinished, report, 0o600);
  await cluster.mustRun(host, ['mv', unfinished, path]);
  return path;
}

describe('with a key of its own on every host', () => {
  const hosts: FailingProcesses[] = [];

  /** Each host has failures of its own after this moment, and the engine has journaled them. */
  async function newReportsOf(some: readonly FailingProcesses[], seconds: number): Promise<void> {
    const before = some.map(({ failed }) => failed.length);
    const isReady = (): boolean => some.every(({ failed }, index) => failed.length >= (before[index] ?? 0) + 3);
    await until('further failures', 60, () => (isReady() ? true : undefined));
    await Promise.all(some.map(({ host, failed }) => untilJournaled(host, failed, seconds)));
  }

  const except = (host: string): readonly FailingProcesses[] => hosts.filter((one) => one.host !== host);
  const the = (host: string): FailingProcesses => {
    const found = hosts.find((one) => one.host === host);
    if (found === undefined) throw new Error(`no processes run on ${host}`);
    return found;
  };

  it('each host reports its own failures', async () => {
    for (const host of HOSTS) {
      hosts.push(await FailingProcesses.start(cluster, host));
      await startMonitor(host, OWN_PROCESSES, '/mnt/dist/recovery-agent');
    }
    for (const one of hosts) await one.fail();
    await Promise.all(hosts.map(({ host, failed }) => untilJournaled(host, failed, 30)));
    const reports = (await audit()).filter(({ kind }) => kind === 'report');
    expect(reports).toHaveLength(HOSTS.length);
    for (const host of HOSTS) {
      const origin = { identity: host, roles: ['host'], address: ADDRESSES[host], object: host };
      expect(reports).toContainEqual(expect.objectContaining(origin));
    }
  });

  it('a host that reports a failure or the death of another host is refused, and the audit has it', async () => {
    const generated_time = new Date().toISOString();
    const stopped = { event: 'STOPPED', process_name: 'nova-compute' } as const;
    const dead = { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' } as const;
    const forged = [
      await forge('c1', 1, { notification: { type: 'PROCESS', hostname: 'c2', generated_time, payload: stopped } }),
      await forge('c1', 2, { notification: { type: 'COMPUTE_HOST', hostname: 'c3', generated_time, payload: dead } }),
    ];
    const expected = [
      ['c2', /^host c1 may not report failures of host c2/],
      ['c3', /^host c1 may not report the death of host c3: that needs the role watcher/],
    ] as const;
    for (const [object, message] of expected) {
      const refusal = await until(`the refusal about ${object} to be in the audit`, 30, async () =>
        (await audit()).find((entry) => entry.kind === 'refusal' && entry.object === object),
      );
      const origin = { identity: 'c1', roles: ['host'], address: ADDRESSES.c1 };
      expect(refusal).toMatchObject({ action: 'notify', outcome: 'refused', ...origin });
      expect(refusal.message).toMatch(message);
    }
    // Its own reports do not wait for them.
    await untilJournaled('c1', [await the('c1').fail()], 30);
    await cluster.mustRun('c1', ['rm', ...forged]);
    expect(await journaled('c2')).toEqual(the('c2').failed);
    expect(await recoverable()).toEqual([]);
  });

  it('a rotation loses no report, although a controller dies during it', async () => {
    for (const one of hosts) one.begin();
    await keys.run('rotate');
    await keys.copyRing();
    for (const node of NODES) await keys.issue(node, 'watcher');
    await keys.issue('c1');
    await keys.copyRing();
    await expect(keys.run('rotate', '--retire')).rejects.toThrow('would refuse the keys of c2, c3');
    await newReportsOf(hosts, 60);
    const dead = await cluster.activeNode();
    await cluster.lab.kill(dead);
    keys.leave(dead);
    await cluster.lab.waitForResource('recovery', { state: 'Started', notNode: dead }, 60);
    await newReportsOf(hosts, 60);
    for (const host of ['c2', 'c3']) {
      await keys.issue(host);
      await newReportsOf([the(host)], 60);
    }
    expect((await keys.list()).map(({ host, state }) => `${host} ${state}`)).toEqual(
      [...HOSTS, ...NODES].map((host) => `${host} valid`),
    );
    await keys.run('rotate', '--retire');
    await keys.copyRing();
    await newReportsOf(hosts, 60);
    await cluster.bootAgain(dead);
    await keys.copyRing();
    await startMonitor(dead, HOST, '/usr/sbin/recovery-agent');
    expect(await about(dead)).toEqual([]);
  });

  it('a host whose key is revoked is refused at once, and loses no report by it', async () => {
    const revoked = the('c2');
    await keys.run('revoke', 'c2');
    await keys.copyRing();
    await until('c2 to be refused', 5, async () =>
      (await cluster.lab.run('c2', ['grep', '-q', 'does not accept our key', MONITOR_LOG])).status === 0
        ? true
        : undefined,
    );
    const before = await journaled('c2');
    const waiting = await revoked.undelivered();
    await newReportsOf(except('c2'), 60);
    await until('reports of c2 to wait', 60, async () =>
      (await revoked.undelivered()) >= waiting + 5 ? true : undefined,
    );
    expect(await journaled('c2')).toEqual(before);
    await keys.issue('c2');
    await keys.copyRing();
    await newReportsOf(hosts, 60);
  });

  it('the journal has every report of every host, and none twice', async () => {
    await Promise.all(hosts.map((one) => one.rest()));
    for (const one of hosts) {
      await one.delivered(60);
      expect(await one.reported()).toHaveLength(one.failed.length);
      expect((await one.reported()).toSorted()).toEqual(one.failed.toSorted());
      expect((await journaled(one.host)).toSorted()).toEqual(one.failed.toSorted());
    }
    const entries = (await audit()).filter(({ kind, outcome }) => kind === 'report' && outcome !== 'duplicate');
    expect(entries).toHaveLength(hosts.reduce((sum, { failed }) => sum + failed.length, 0));
    expect(entries.filter(({ identity, object }) => identity !== object)).toEqual([]);
    counts.push(...hosts.map(({ host, failed }) => `${host} ${failed.length}`));
    // What follows has monitors of its own.
    for (const host of HOSTS) await stopMonitor(host);
  });
});

describe('with monitors on every controller', () => {
  it('a compute host that loses its power is fenced and recovered, once, though three monitors report it', async () => {
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
    await cluster.lab.putFile('c2', '/etc/recovery-agent/process_list.yaml', LIST);
    await cluster.mustRun('c2', ['sh', '-c', 'setsid --fork sleep 5551 >/dev/null 2>&1 </dev/null']);
    await startMonitor('c2', PROCESS, '/mnt/dist/recovery-agent');
    const began = Date.now();
    await cluster.mustRun('c2', ['pkill', '--full', '^sleep 5551']);
    note('death of a process', began, await recoveryOf('c2', 'PROCESS'));
    expect(cluster.world.hosts.get('c2')?.status).toBe('disabled');
  });

  it('a controller that is fenced is no compute host, and the engine continues elsewhere', async () => {
    const active = await cluster.activeNode();
    await cluster.lab.kill(active);
    await cluster.lab.waitForResource('recovery', { state: 'Started', notNode: active }, 60);
    await cluster.bootAgain(active);
    expect(await about(active)).toEqual([]);
  });

  it('neither standby, nor maintenance, nor a disabled connection, nor a loss without fencing, nor a partition begins a recovery', async () => {
    const quiet = async (host: string, state: readonly string[]): Promise<void> => {
      await until(`${host} to be seen as ${state.join(' or ')}`, 60, async () =>
        state.includes((await stateOf(host, 'n2')) ?? '') ? true : undefined,
      );
      // Each monitor has polled since: its own poll comes at the latest after monitoring_interval, and the one above was later.
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
    // A probe that c2 cannot answer any more would block the resource: without fencing it may run there.
    await cluster.lab.waitForIdle(60);
    await cluster.lab.kill('c2');
    await quiet('c2', ['suspected', 'unknown', 'leaving']);
    const active = await cluster.activeNode();
    const cut = ['n1', 'n3'].find((node) => node !== active) ?? 'n3';
    const before = await about('c1');
    await cluster.lab.partition(cut);
    await until(`${cut} to know the state of no host`, 60, async () =>
      (await stateOf('c1', cut)) === 'unknown' ? true : undefined,
    );
    expect(await about('c1')).toEqual(before);
    expect(cluster.world.counts.duplicates).toBe(0);
  });
});
