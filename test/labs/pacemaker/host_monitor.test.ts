import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { DEFAULT_OPTIONS } from '#config/options/options.ts';
import { NONE_EXPECTED } from '#monitors/host/expected-hosts.ts';
import { PACEMAKER_FENCED } from '#monitors/host/policy.ts';
import { CIBADMIN, parseCib } from '#monitors/host/sources/pacemaker/cib.ts';
import { CRM_MON, parseCrmMon } from '#monitors/host/sources/pacemaker/crm-mon.ts';
import { createPacemakerSource } from '#monitors/host/sources/pacemaker/source.ts';
import { HostStateFile } from '#monitors/host/state-file.ts';
import { Watch } from '#monitors/host/watch.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import { waitUntil } from '../waiting.ts';
import { installPackages } from './install.ts';
import { PacemakerLab } from './lab.ts';
import { untilPolled } from './remote_polls.ts';

/** The host monitor reports the state of a real cluster: every node is a compute host, watched from n1. */

const folder = mkdtempSync(join(tmpdir(), 'host-monitor-lab-'));
/** Alert agents do not run as root. */
chmodSync(folder, 0o755);
/** Where the nodes have this folder, the program and the Node that runs it. */
const OUTSIDE = '/outside';
const PROGRAM = '/program';
const RUNTIME = '/runtime';
const ROOT = join(import.meta.dirname, '../../..');

const ends = new AbortController();
const reports: NotificationBody['notification'][] = [];
const states = new Map<string, string>();
let lab: PacemakerLab;
let watching: Promise<void> = Promise.resolve();
let hasFailed = false;

async function print(node: string, argv: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await lab.run(node, argv, { timeoutMs: 15_000 });
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}: ${stderr}`);
  return stdout;
}

/** What was reported since the last call: host and event, in their order. */
let received = 0;
function news(): string[] {
  const fresh = reports
    .slice(received)
    .map(({ hostname, payload }) => `${hostname} ${(payload as { event: string }).event}`);
  received = reports.length;
  return fresh;
}

async function waitForState(host: string, state: string): Promise<void> {
  await waitUntil({ what: `${host} to be ${state}, not ${states.get(host)}`, seconds: 90 }, () =>
    states.get(host) === state ? true : undefined,
  );
}

async function waitForReport(host: string, event: string): Promise<void> {
  const isReported = (): true | undefined =>
    reports
      .slice(received)
      .some(({ hostname, payload }) => hostname === host && 'event' in payload && payload.event === event)
      ? true
      : undefined;
  await waitUntil({ what: `${event} of ${host} to be reported`, seconds: 180 }, isReported).catch(explained);
}

/** What the cluster and the monitor show when a wait ended in vain. */
async function explained(error: unknown): Promise<never> {
  const shown = [JSON.stringify([...states]), JSON.stringify(await lab.fenceHistory()), await print('n1', CRM_MON)];
  throw new Error([error instanceof Error ? error.message : String(error), ...shown].join('\n'), { cause: error });
}

beforeAll(async () => {
  await installPackages();
  lab = await PacemakerLab.start({
    hostPaths: [
      { hostPath: folder, nodePath: OUTSIDE },
      { hostPath: ROOT, nodePath: PROGRAM },
      { hostPath: dirname(process.execPath), nodePath: RUNTIME },
    ],
  });
  watching = watch('always', 200, 'n1', ends.signal, reports);
});

// Pacemaker fences no remote node that dies while its connection is being moved.
beforeEach(async () => {
  await lab.waitForIdle(90);
  // A host that is up from the beginning causes no report.
  for (const node of [...states.keys()]) await waitForState(node, 'up');
});

/** @param from the node on which Pacemaker is queried */
async function watch(
  name: string,
  intervalMs: number,
  from: string,
  signal: AbortSignal,
  into: NotificationBody['notification'][],
): Promise<void> {
  const hostMonitor = {
    ...DEFAULT_OPTIONS.hostMonitor,
    monitoringIntervalMs: intervalMs,
    suspicionIntervalMs: intervalMs,
    computeHosts: lab.nodes,
    alertSocket: join(folder, `${name}.sock`),
    stateFile: join(folder, `${name}.json`),
  };
  const source = await createPacemakerSource({ ...DEFAULT_OPTIONS, hostMonitor }, async () => ({
    view: parseCrmMon(await print(from, CRM_MON)),
    cib: parseCib(await print(from, CIBADMIN)),
  }));
  const log = (_: string, message: string, fields: Readonly<Record<string, unknown>> = {}) => {
    const [, state] = /^host is (\w+)$/.exec(message) ?? [];
    if (state !== undefined && into === reports) states.set(String(fields.host), state);
  };
  const report = async ({ notification }: NotificationBody) => {
    into.push(notification);
  };
  const setup = { options: hostMonitor, policy: PACEMAKER_FENCED, sources: [source], expected: NONE_EXPECTED };
  const context = { log, report, seen: () => {}, blind: () => {} };
  await new Watch(setup, context, HostStateFile.open(hostMonitor.stateFile, log)).run(signal);
}

afterAll(async () => {
  ends.abort();
  await watching;
  await lab?.stop();
  rmSync(folder, { recursive: true, force: true });
  if (lab && !hasFailed) rmSync(lab.directory, { recursive: true, force: true });
});

afterEach(({ task }) => {
  hasFailed ||= task.result?.state === 'fail';
});

test('a monitor on a remote node sees of every host what one on a cluster node sees', async () => {
  const seenFrom = async (node: string): Promise<string[]> => {
    const hostMonitor = { ...DEFAULT_OPTIONS.hostMonitor, computeHosts: lab.nodes };
    const source = await createPacemakerSource({ ...DEFAULT_OPTIONS, hostMonitor }, async () => ({
      view: parseCrmMon(await print(node, CRM_MON)),
      cib: parseCib(await print(node, CIBADMIN)),
    }));
    return (await source.poll(AbortSignal.timeout(60_000))).map(({ host, state }) => `${host} ${state}`).sort();
  };
  const seen = await seenFrom('c1');
  expect(seen).toEqual([...lab.nodes].sort().map((node) => `${node} up`));
  expect(seen).toEqual(await seenFrom('n1'));
});

test('a remote node that loses its power is suspected, then dead with the time of its fencing, and up again after its return', async () => {
  await lab.kill('c2');
  await waitForReport('c2', 'STOPPED');
  const [event] = (await lab.fenceHistory()).filter(({ target }) => target === 'c2');
  const fencedAt = Date.parse(String(event?.completedAt).replace(' ', 'T'));
  expect(Math.abs(Date.parse(String(reports.at(-1)?.generated_time)) - fencedAt)).toBeLessThanOrEqual(1_000);
  await lab.boot('c2');
  await waitForReport('c2', 'STARTED');
  expect(news()).toEqual(['c2 STOPPED', 'c2 STARTED']);
});

test('a cluster node that loses its power is dead when it is fenced, and up when it has joined again', async () => {
  await lab.kill('n3');
  await waitForReport('n3', 'STOPPED');
  await lab.boot('n3');
  await waitForReport('n3', 'STARTED');
  expect(news()).toEqual(['n3 STOPPED', 'n3 STARTED']);
});

test('a node that leaves in order after an older fencing is never dead, even when its power goes off then', async () => {
  expect((await lab.fenceHistory()).some(({ target, status }) => target === 'n3' && status === 'success')).toBe(true);
  await lab.run('n3', ['sh', '-c', 'kill -TERM "$(pidof pacemakerd)"']);
  await waitForState('n3', 'unknown');
  await lab.kill('n3');
  await waitForState('n3', 'leaving');
  await lab.boot('n3');
  await waitForState('n3', 'up');
  expect(news()).toEqual([]);
});

test('neither standby, nor maintenance, nor a disabled connection is a death, nor a power cut in them', async () => {
  await lab.pcs('node', 'standby', 'c1');
  await waitForState('c1', 'leaving');
  await lab.pcs('node', 'unstandby', 'c1');
  await waitForState('c1', 'up');
  await lab.pcs('resource', 'disable', 'c1');
  await waitForState('c1', 'leaving');
  await lab.pcs('resource', 'enable', 'c1');
  await waitForState('c1', 'up');
  // Pacemaker monitors its connection only once all of its operations have been started.
  await lab.waitForIdle(90);
  await lab.pcs('property', 'set', 'maintenance-mode=true');
  await waitForState('c1', 'leaving');
  await lab.kill('c1');
  expect((await lab.crmMon()).fencing.filter(({ target }) => target === 'c1')).toEqual([]);
  expect(news()).toEqual([]);
  await lab.pcs('property', 'set', 'maintenance-mode=false');
  await waitForReport('c1', 'STOPPED');
  await lab.boot('c1');
  await waitForReport('c1', 'STARTED');
  expect(news()).toEqual(['c1 STOPPED', 'c1 STARTED']);
});

test("Pacemaker's alerts alone, sent by the agent on one node, bring a death and a return at once", async () => {
  const script = `import { runAlert } from '${PROGRAM}/monitors/host/sources/pacemaker/alert.ts'; await runAlert(process.env);`;
  const agent = `#!/bin/sh\nexec ${RUNTIME}/node --input-type=module --eval "${script}"\n`;
  await lab.putFile('all', '/usr/local/bin/alert-agent', agent, 0o755);
  await lab.pcs('alert', 'create', 'path=/usr/local/bin/alert-agent', 'id=look');
  await lab.pcs('alert', 'recipient', 'add', 'look', `value=${OUTSIDE}/alerted.sock`);
  const alerted: NotificationBody['notification'][] = [];
  const stop = new AbortController();
  // No poll of its own would come within the test.
  const done = watch('alerted', 3_600_000, 'n2', stop.signal, alerted);
  try {
    await lab.waitForIdle(90);
    await untilPolled(lab, 'c2');
    await lab.kill('c2');
    await waitForReport('c2', 'STOPPED');
    const often = performance.now();
    await waitUntil({ what: 'the alerted monitor to report it', seconds: 60, everyMs: 5 }, () => alerted[0]);
    console.info(
      `the alerted monitor reported ${(performance.now() - often).toFixed(0)} ms after one that polls all the time`,
    );
    expect(alerted).toEqual([reports.at(-1)]);
    await lab.boot('c2');
    await waitUntil({ what: 'the alerted monitor to report the return', seconds: 60 }, () => alerted[1]);
    await waitForReport('c2', 'STARTED');
    expect(news()).toEqual(['c2 STOPPED', 'c2 STARTED']);
  } finally {
    stop.abort();
    await done;
  }
});

test('a host that is fenced and back while a monitor is stopped is reported by its next start as dead, then as back', async () => {
  const stateFile = join(folder, 'restarted.json');
  const late: NotificationBody['notification'][] = [];
  const watchUntil = async (what: string, isReached: () => boolean): Promise<void> => {
    const stop = new AbortController();
    const done = watch('restarted', 200, 'n1', stop.signal, late);
    try {
      await waitUntil({ what, seconds: 60 }, () => isReached() || undefined);
    } catch (error) {
      const state = existsSync(stateFile) ? readFileSync(stateFile, 'utf8') : 'no state file';
      const shown = `${state}\n${JSON.stringify(await lab.fenceHistory())}\n${await print('n1', CRM_MON)}`;
      throw new Error(`${error instanceof Error ? error.message : String(error)}\n${shown}`, { cause: error });
    } finally {
      stop.abort();
      await done;
    }
  };
  await watchUntil('the history of n3 to be known', () => {
    if (!existsSync(stateFile)) return false;
    const { fencings = {} } = JSON.parse(readFileSync(stateFile, 'utf8')) as { fencings?: Record<string, unknown> };
    return fencings.n3 !== undefined;
  });
  await lab.waitForIdle(90);
  // Not the host that the case before had fenced: fencings of one host within ten seconds count as one.
  await lab.kill('n3');
  await waitForReport('n3', 'STOPPED');
  await lab.boot('n3');
  await waitForReport('n3', 'STARTED');
  expect(news()).toEqual(['n3 STOPPED', 'n3 STARTED']);
  expect(late).toEqual([]);
  const [event] = (await lab.fenceHistory()).filter(({ target, status }) => target === 'n3' && status === 'success');
  await watchUntil('the fencing to be reported', () => late.length >= 2);
  expect(late.map(({ hostname, payload }) => `${hostname} ${'event' in payload && payload.event}`)).toEqual([
    'n3 STOPPED',
    'n3 STARTED',
  ]);
  expect(Date.parse(String(late[0]?.generated_time))).toBe(Date.parse(String(event?.completedAt).replace(' ', 'T')));
});

test('a partition without quorum reports nothing about any host', async () => {
  await lab.partition('n1');
  await waitUntil({ what: 'n1 to know nothing, or to be fenced', seconds: 60 }, () =>
    !lab.isAlive('n1') || [...lab.nodes].every((node) => states.get(node) === 'unknown') ? true : undefined,
  );
  expect(news()).toEqual([]);
});
