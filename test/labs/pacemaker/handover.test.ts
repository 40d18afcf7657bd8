/**
 * The shipped package in a real cluster: whenever the active engine ends during a recovery, another one continues, and the
 * cloud accepts one evacuation for each instance.
 */
import { join, relative } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EventView } from '#protocol/views.ts';
import { EngineCluster, type Failure, JOURNAL, NODES, until } from './engine_cluster.ts';
import { SHARED } from './lab.ts';

let cluster: EngineCluster;
let hasFailed = false;
const times: string[] = [];

beforeAll(async () => {
  // Its hosts fail one after the other and stay down: that a gate would hold them is not the subject here.
  cluster = await EngineCluster.start({ configuration: '[gates]\nmax_failed_hosts_percent = 100\n' });
});

afterAll(async () => {
  process.stdout.write(`hand-over, from the disturbance to the first step of the next engine:\n${times.join('\n')}\n`);
  await cluster?.stop(hasFailed ? 'keep' : 'remove');
});

afterEach(({ task }) => {
  hasFailed ||= task.result?.state === 'fail';
});

/** Waits for the end; every instance has moved, and the cloud accepted one evacuation for each. */
async function expectRecovered(failure: Failure, seconds = 120): Promise<void> {
  await until(`recovery of ${failure.host} finished`, seconds, async () => {
    const { status, message } = (await cluster.show(failure.uuid))?.notification ?? {};
    if (status === 'failed' || status === 'ignored') throw new Error(`it is ${status}: ${message}`);
    return status === 'finished' ? true : undefined;
  });
  const { counts } = cluster.world;
  expect(failure.moved()).toBe(failure.instances.length);
  expect(failure.instances.map((uuid) => counts.accepted[uuid])).toEqual(failure.instances.map(() => 1));
  expect(counts.duplicates).toBe(0);
}

/** Lines of progress with the epochs of the engines that wrote them. */
async function lines(uuid: string): Promise<EventView[]> {
  return (await cluster.show(uuid))?.flows.flatMap(({ events }) => events) ?? [];
}

/** When an engine of a later epoch wrote its first line about the recovery, ms UTC. */
async function firstLineAfter(uuid: string, epoch: number): Promise<number | undefined> {
  const line = (await lines(uuid)).find((one) => one.epoch > epoch);
  return line && Date.parse(line.time);
}

/** Causes a fault during a recovery and measures until the next engine's first step. Returns the node that was active. */
async function handOver(name: string, disturb: (active: string) => Promise<void>, count = 20): Promise<string> {
  const failure = await cluster.hostFails(`h-${name.replace(/\W+/g, '-')}`, count);
  const active = await cluster.activeNode();
  await cluster.holdInTheMiddle(failure);
  const epoch = Math.max(...(await lines(failure.uuid)).map((line) => line.epoch));
  const began = Date.now();
  await disturb(active).finally(() => cluster.time.go());
  const first = await until(`the next step after ${name}`, 150, () => firstLineAfter(failure.uuid, epoch));
  times.push(`  ${name.padEnd(40)} ${((first - began) / 1000).toFixed(2)} s`);
  await expectRecovered(failure);
  return active;
}

afterEach(() => cluster?.time.go());

describe('in a cluster of three nodes', () => {
  it('status is right on the active node and on a standby node', async () => {
    const active = await cluster.activeNode();
    const other = NODES.find((node) => node !== active) ?? '';
    const here = JSON.parse(await cluster.mustRun(active, ['recovery-agent', 'status', '--json']));
    expect(here).toMatchObject({ source: 'engine', engine: { node: active } });
    const there = await cluster.lab.run(other, ['recovery-agent', 'status', '--json', '--journal', JOURNAL]);
    expect(there.status).toBe(3);
    expect(JSON.parse(there.stdout)).toMatchObject({ source: 'journal', engine: { node: active, state: 'running' } });
  });

  it('kill -9 of the engine', async () => {
    await handOver('kill -9 of the engine', (active) => cluster.signalEngine(active, 'KILL'));
  });

  it('pcs resource move', async () => {
    const active = await handOver('pcs resource move', async (node) => {
      await cluster.lab.pcs('resource', 'move', 'recovery', NODES.find((other) => other !== node) ?? '');
    });
    expect(await cluster.activeNode()).not.toBe(active);
    await cluster.lab.pcs('resource', 'clear', 'recovery');
  });

  it('standby of the active node', async () => {
    const active = await handOver('standby', async (node) => {
      await cluster.lab.pcs('node', 'standby', node);
    });
    await cluster.lab.pcs('node', 'unstandby', active);
  });

  it('pcs resource restart', async () => {
    await handOver('pcs resource restart', async () => {
      await cluster.lab.pcs('resource', 'restart', 'recovery');
    });
  });

  it('an engine that hangs is found by the monitor and killed at the end of its stop', async () => {
    await handOver('an engine that hangs (SIGSTOP)', (active) => cluster.signalEngine(active, 'STOP'));
  });

  it('a node that dies while 100 instances are being evacuated', async () => {
    const dead = await handOver('death of the node, 100 instances', (active) => cluster.lab.kill(active), 100);
    const fenced = (await cluster.lab.fenceHistory()).some(
      (event) => event.target === dead && event.status === 'success',
    );
    expect(fenced).toBe(true);
    await cluster.bootAgain(dead);
  });

  it('a partitioned node, which is fenced', async () => {
    const dead = await handOver('partition of the node', (active) => cluster.lab.partition(active));
    await cluster.lab.heal(dead);
    await cluster.bootAgain(dead);
  });

  it('two failures in a row', async () => {
    const failure = await cluster.hostFails('h-two-in-a-row', 60);
    const more = () => cluster.holdInTheMiddle(failure, failure.moved() + 4);
    await more();
    await cluster.signalEngine(await cluster.activeNode(), 'KILL');
    cluster.time.go();
    await more();
    const dead = await cluster.activeNode();
    await cluster.lab.kill(dead);
    cluster.time.go();
    await expectRecovered(failure);
    await cluster.bootAgain(dead);
  });

  it('storage that vanishes from under the engine: it stops acting by itself', async () => {
    const active = await handOver('storage unmounted', async (node) => {
      await cluster.lab.unmountShared(node);
    });
    // No new journal began in the empty folder, although the agent was started there again.
    expect(await cluster.mustRun(active, ['ls', '-A', SHARED])).toBe('');
    await cluster.lab.mountShared(active);
    await cluster.lab.cleanUp('recovery');
  });

  it('a start that waits for a lock is ended within its timeout, and the engine comes up when the lock is gone', async () => {
    const failure = await cluster.hostFails('h-start-timeout', 20);
    await cluster.holdInTheMiddle(failure);
    const epoch = Math.max(...(await lines(failure.uuid)).map((line) => line.epoch));
    await cluster.lab.pcs('resource', 'update', 'recovery', 'op', 'start', 'interval=0s', 'timeout=15s');
    await cluster.lab.pcs('resource', 'disable', 'recovery', '--wait=60');
    // What a dead node leaves on storage whose server has not yet noticed.
    const holder = new Database(join(cluster.lab.sharedDirectory, relative(SHARED, JOURNAL)));
    holder.exec('BEGIN EXCLUSIVE');
    await cluster.lab.pcs('resource', 'enable', 'recovery');
    const failcounts = () => cluster.lab.pcs('resource', 'failcount', 'show', 'recovery');
    await until('a start that failed', 60, async () => ((await failcounts()).includes('INFINITY') ? true : undefined));
    holder.exec('ROLLBACK');
    holder.close();
    const began = Date.now();
    cluster.time.go();
    const first = await until('the next step after the lock', 90, () => firstLineAfter(failure.uuid, epoch));
    times.push(`  ${'lock that outlives a start'.padEnd(40)} ${((first - began) / 1000).toFixed(2)} s`);
    await expectRecovered(failure);
    await cluster.lab.pcs('resource', 'update', 'recovery', 'op', 'start', 'interval=0s', 'timeout=120s');
    await cluster.lab.cleanUp('recovery');
  });

  it('without STONITH a partitioned engine ends by itself, and nothing is done twice', async () => {
    await cluster.lab.pcs('property', 'set', 'stonith-enabled=false');
    const cut = await handOver('partition of the node, no STONITH', (active) => cluster.lab.partition(active), 40);
    await until('the engine cut off to have ended', 60, async () =>
      (await cluster.lab.run(cut, ['pgrep', '--full', 'recovery-agent engine'])).status === 1 ? true : undefined,
    );
    expect(cluster.lab.isAlive(cut)).toBe(true);
    await cluster.lab.heal(cut);
    await cluster.lab.waitForOnline(cut, 60);
    await cluster.lab.pcs('property', 'set', 'stonith-enabled=true');
  });
});
