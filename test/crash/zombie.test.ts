/**
 * An engine is frozen during evacuations, longer than a confirmation of its lease is valid, and thawed after
 * another one has taken over: it makes no call that changes the cloud, writes nothing, and ends with its own exit code.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { beforeAll, describe, expect, it } from 'vitest';
import type { EngineProcess } from '#agents/demo/engine-process.ts';
import { isAct } from '#engine/cloud/simulated/calls.ts';
import type { Call } from '#engine/cloud/simulated/server.ts';
import { LATE_COMMIT_MS } from '#engine/journal/transaction.ts';
import { expectOneFlowEach, expectWholeJournal, readAll } from './journal-checks.ts';
import { HOST } from './recoveries.ts';
import { Scene } from './scene.ts';

const EXIT_LEASE_LOST = 10;
/** Longer than the lease is trusted without another confirmation. */
const FREEZE_MS = LATE_COMMIT_MS + 1000;
/** Rebuilds so slow that a recovery outlasts a freeze where the frozen one wakes up in between. */
const REBUILD_MS = { afterwards: [1000, 1500], 'in between': [4000, 5000] } as const;

/** Requests of a wave wait for each other: the frozen engine has some whose intents are on the disk and needs no commit for them. */
const ONE_BY_ONE = { DEFAULT: { host_failure_recovery_threads: 1 } } as const;

interface Moment {
  readonly name: string;
  /** Freezes at the n-th call of this method that the cloud responded to, before the engine has the response. */
  readonly method: string;
  readonly count: number;
  /** When the frozen one wakes up: the successor has finished, or is still at work. */
  readonly wakes: 'afterwards' | 'in between';
}

const MOMENTS: readonly Moment[] = [
  { name: 'the service was disabled', method: 'changeService', count: 1, wakes: 'afterwards' },
  { name: 'an instance was set to error', method: 'resetState', count: 1, wakes: 'in between' },
  { name: 'the first evacuation was accepted', method: 'evacuate', count: 1, wakes: 'afterwards' },
  { name: 'the first evacuation was accepted', method: 'evacuate', count: 1, wakes: 'in between' },
  { name: 'the fourth evacuation was accepted', method: 'evacuate', count: 4, wakes: 'in between' },
  { name: 'the last evacuation was accepted', method: 'evacuate', count: 7, wakes: 'afterwards' },
  { name: 'it polled for the tenth time', method: 'listInstances', count: 10, wakes: 'afterwards' },
  { name: 'an instance was stopped again', method: 'stop', count: 1, wakes: 'afterwards' },
];

/** Whether a frozen engine holds the journal's lock: on shared storage the lease of a fenced client runs out instead. */
function isLocked(journal: string): boolean {
  const db = new Database(journal, { timeout: 0 });
  try {
    db.exec('BEGIN IMMEDIATE; ROLLBACK');
    return false;
  } catch {
    return true;
  } finally {
    db.close();
  }
}

/** Whether every thread is stopped (state T of proc_pid_stat(5)): SIGSTOP takes a moment, longer during a sync. */
function isIdle(pid: number): boolean {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.every((thread) => / T /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')));
}

/** Stops the process between two transactions: during one no engine could take over before it is fenced. */
async function freeze(scene: Scene, engine: EngineProcess): Promise<void> {
  for (;;) {
    engine.kill('SIGSTOP');
    while (!isIdle(engine.pid)) await delay(1);
    if (!isLocked(scene.journalPath)) return;
    engine.kill('SIGCONT');
    await delay(1);
  }
}

async function tryMoment({ method, count, wakes }: Moment): Promise<void> {
  await using scene = await Scene.open({ behaviour: { rebuildMs: REBUILD_MS[wakes] }, options: ONE_BY_ONE });
  const { notification, check } = HOST.fail(scene.world);
  const frozen = Promise.withResolvers<void>();
  const calls: Call[] = [];
  let left = count;
  const configFile = await scene.serveCloud('cloud-of-the-first', (call) => {
    calls.push(call);
    if (call.method !== method || call.outcome !== 'answered' || --left !== 0) return;
    freeze(scene, zombie).then(frozen.resolve, frozen.reject);
  });
  const zombie = scene.launch({ configFile });
  const { notification_uuid: uuid } = (await scene.report(zombie, notification)) ?? { notification_uuid: '' };
  await frozen.promise;
  const frozenAt = performance.now();

  const successor = scene.launch({ takeOver: 'yes' });
  await successor.answers();
  if (wakes === 'afterwards') await scene.closed(successor, uuid);
  await delay(Math.max(0, FREEZE_MS - (performance.now() - frozenAt)));
  const [recovery] = readAll(scene.journalPath).recoveries;
  if (wakes === 'in between') expect(recovery?.logbook.status).toBe('running');

  const before = calls.length;
  zombie.kill('SIGCONT');
  expect(await scene.ended(zombie), zombie.lastWords()).toEqual({ code: EXIT_LEASE_LOST, signal: null });
  expect(calls.slice(before).filter((call) => isAct(call.method))).toEqual([]);

  await scene.closed(successor, uuid);
  await scene.stop(successor);
  check([...calls, ...scene.calls]);
  const facts = expectWholeJournal(scene.journalPath, { notifications: 1, engines: 2 });
  expectOneFlowEach(facts);
  expect(facts.epoch).toBe(2);
}

beforeAll(() => Scene.warmUp());

describe.concurrent('an engine frozen when', () => {
  it.for(MOMENTS)('$name, waking $wakes, does nothing more and exits', (moment) => tryMoment(moment));
});
