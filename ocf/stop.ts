/**
 * `stop`: ends the engine in order, or kills it before the action's timeout. Success means that no engine of the resource runs on this
 * node: a cluster that could not be sure would have to fence it. Only a running engine makes it fail.
 */

import { lstatSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { errorMessage } from '#protocol/error-message.ts';
import { isAlive, type ProcessName, processNamed, readProcessFile, signalProcess } from '#protocol/process-file.ts';
import { type Action, timeoutOf } from './action.ts';
import { OCF, OcfFailure } from './codes.ts';
import { callEngine } from './ping.ts';
import type { Resource } from './resource.ts';
import { enginesHere, findEngines } from './running.ts';

const DEFAULT_TIMEOUT_MS = 60_000;
/** Reserved for SIGKILL to take effect; a quarter of a short timeout. */
const KILL_RESERVE_MS = 5_000;
/** An engine ends within a second; one that has not after this time is stuck, and a longer wait would delay the recovery. */
const ORDERLY_MS = 20_000;
const POLL_MS = 20;
/** The init of a container may collect dead processes only every two seconds. */
const REAPED_MS = 2_500;

/** Resolves with the processes that still run at the deadline. */
async function survivorsOf(names: readonly ProcessName[], deadline: number): Promise<readonly ProcessName[]> {
  for (;;) {
    const living = names.filter(isAlive);
    if (living.length === 0 || performance.now() > deadline) return living;
    await delay(POLL_MS);
  }
}

/** Waits until init has collected the dead processes too, so that their pids are free; a slow init is no failure. */
async function reaped(names: readonly ProcessName[]): Promise<void> {
  const deadline = performance.now() + REAPED_MS;
  const isThere = ({ pid, startTime }: ProcessName): boolean => processNamed(pid)?.startTime === startTime;
  while (names.some(isThere) && performance.now() < deadline) await delay(POLL_MS);
}

function listOf(names: readonly ProcessName[]): string {
  return names.map(({ pid }) => `pid ${pid}`).join(', ');
}

function signalAll(names: readonly ProcessName[], signal: NodeJS.Signals): void {
  for (const name of names) {
    try {
      signalProcess(name, signal);
    } catch (error) {
      const why = errorMessage(error);
      throw new OcfFailure(OCF.ERR_GENERIC, `engine (pid ${name.pid}) cannot be stopped: ${why}`);
    }
  }
}

async function end(names: readonly ProcessName[], deadline: number, log: Action['log']): Promise<void> {
  const left = Math.max(1_000, deadline - performance.now());
  const reserve = Math.min(KILL_RESERVE_MS, left / 4);
  signalAll(names, 'SIGTERM');
  const stuck = await survivorsOf(names, Math.min(performance.now() + ORDERLY_MS, deadline - reserve));
  if (stuck.length === 0) return await reaped(names);
  log(`engine (${listOf(stuck)}) did not end in time and is killed; its recoveries are resumed by the next one`);
  signalAll(stuck, 'SIGKILL');
  const immortal = await survivorsOf(stuck, performance.now() + reserve);
  if (immortal.length > 0)
    throw new OcfFailure(OCF.ERR_GENERIC, `engine (${listOf(immortal)}) cannot be killed: it hangs in the kernel`);
  await reaped(names);
}

/** Removes the files of a killed engine, and no other files. A file system that refuses it is no failure. */
async function tidy({ parameters: { socket, pidfile } }: Resource): Promise<void> {
  try {
    if (lstatSync(socket).isSocket() && (await callEngine(socket, 'ping', 1000)).is === 'absent') rmSync(socket);
  } catch {
    // There is none, or it stays.
  }
  try {
    const name = readProcessFile(pidfile);
    if (name && !isAlive(name)) rmSync(pidfile);
  } catch {
    // It stays.
  }
}

/** @param deadline by `performance.now()`; that of the action unless it does more than a stop */
export async function stop(
  resource: Resource,
  action: Pick<Action, 'environment' | 'log' | 'program'>,
  deadline = performance.now() + timeoutOf(action.environment, DEFAULT_TIMEOUT_MS),
): Promise<void> {
  const engines = await findEngines(resource, action.program);
  if (engines.length > 0) {
    await end(
      engines.map(({ name }) => name),
      deadline,
      action.log,
    );
    // An engine that a start has brought up meanwhile.
    const late = enginesHere(resource).map(({ name }) => name);
    if (late.length > 0) await end(late, deadline, action.log);
  }
  await tidy(resource);
}
