/**
 * `stop`: asks the engine to end in order, and ends it before the action's timeout does. Success means that no process of it lives:
 * a cluster that could not be sure would have to fence this node.
 */
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, type ProcessName, readProcessFile, signalProcess } from '#protocol/process-file.ts';
import { type Action, timeoutOf } from './action.ts';
import { OCF, OcfFailure } from './codes.ts';
import type { Parameters } from './parameters.ts';
import { askEngine } from './ping.ts';

const DEFAULT_TIMEOUT_MS = 60_000;
/** Left for SIGKILL to take effect. */
const KILL_RESERVE_MS = 5_000;
/** An engine ends within a second; one that has not after this is stuck, and waiting on costs the recovery. */
const ORDERLY_MS = 20_000;
const POLL_MS = 20;

/** Resolves with whether the process was gone in time. */
async function isGone(name: ProcessName, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (isAlive(name)) {
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

/** Resolves with whether nobody listened any more in time: the kernel closes the sockets of a killed process a little later. */
async function isSilent(socket: string, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    if ((await askEngine(socket, 'ping', 1000)).is === 'absent') return true;
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
}

export async function stop(
  { socket, pidfile }: Parameters,
  action: Pick<Action, 'environment' | 'log'>,
): Promise<void> {
  const timeoutMs = timeoutOf(action.environment, DEFAULT_TIMEOUT_MS);
  const name = readProcessFile(pidfile);
  if (name && isAlive(name)) {
    signalProcess(name, 'SIGTERM');
    if (!(await isGone(name, Math.max(1000, Math.min(ORDERLY_MS, timeoutMs - KILL_RESERVE_MS))))) {
      action.log(
        `the engine (pid ${name.pid}) did not end in time and is killed; its recoveries are resumed by the next one`,
      );
      signalProcess(name, 'SIGKILL');
      if (!(await isGone(name, KILL_RESERVE_MS))) {
        throw new OcfFailure(OCF.ERR_GENERIC, `the engine (pid ${name.pid}) cannot be killed`);
      }
    }
  }
  if (!(await isSilent(socket, KILL_RESERVE_MS))) {
    throw new OcfFailure(
      OCF.ERR_GENERIC,
      `somebody still answers on ${socket} and is not the engine that ${pidfile} names`,
    );
  }
  rmSync(socket, { force: true });
  rmSync(pidfile, { force: true });
}
