/**
 * `start`: returns success only when the engine holds the lease and responds. While it waits for the lock or the lease of a dead
 * node it logs that. An engine that does not start within the action's timeout is ended, so that no half-started engine stays.
 */

import { closeSync, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errorMessage } from '#protocol/error-message.ts';
import { mayPass } from '#protocol/passing-fault.ts';
import { type Action, timeoutOf } from './action.ts';
import { OCF, type OcfCode, OcfFailure } from './codes.ts';
import { EngineChild } from './engine-child.ts';
import { type EngineProcess, livingEngines } from './engine-process.ts';
import { setLimits } from './limits.ts';
import { type LogFile, lastLines, openLog } from './log-file.ts';
import { monitor } from './monitor.ts';
import { ownershipOf, sharedWith } from './ownership.ts';
import type { Parameters } from './parameters.ts';
import { callEngine } from './ping.ts';
import type { Resource } from './resource.ts';
import { enginesHere } from './running.ts';
import { stop } from './stop.ts';

const DEFAULT_TIMEOUT_MS = 120_000;
const POLL_MS = 50;
/** For an engine that may run already: half of the time is reserved for ending it, half for the next one. */
const PING_TIMEOUT_MS = 2_000;
const LOG_EVERY_MS = 10_000;

/** The meaning of an engine's exit code at start for the cluster; see agents/exit-codes.ts. */
function codeOf(exitCode: number | null): OcfCode {
  switch (exitCode) {
    // Its configuration or credentials, which are files of this node.
    case 2:
    // Its storage, or a path that it has to create.
    case 5:
      return OCF.ERR_INSTALLED;
    // Another resource's journal.
    case 13:
      return OCF.ERR_CONFIGURED;
    default:
      return OCF.ERR_GENERIC;
  }
}

/** Throws `OcfFailure` if the engine of another resource runs here and uses a value that this one needs for itself. */
export function refuseSharing(resource: Resource): void {
  for (const engine of livingEngines()) {
    const shared = ownershipOf(engine, resource) === 'of another resource' && sharedWith(engine, resource);
    if (!shared) continue;
    const reason = `resource ${engine.resource} uses the ${shared} ${resource.parameters[shared]} too; give each its own`;
    throw new OcfFailure(OCF.ERR_CONFIGURED, reason);
  }
}

/** Prepares a path of this node. Throws `OcfFailure`: generic for a fault that may pass, else this node lacks it. */
function prepared<T>(what: string, prepare: () => T): T {
  try {
    return prepare();
  } catch (error) {
    const reason = `${what} cannot be used: ${errorMessage(error)}`;
    throw new OcfFailure(mayPass(error) ? OCF.ERR_GENERIC : OCF.ERR_INSTALLED, reason);
  }
}

function prepare({ socket, pidfile, logfile }: Parameters): LogFile {
  for (const path of [socket, pidfile])
    prepared(`the folder ${dirname(path)}`, () => mkdirSync(dirname(path), { recursive: true, mode: 0o755 }));
  return prepared(`the log ${logfile}`, () => openLog(logfile));
}

/** Resolves when no engine is in the way, or with `runs` if the engine runs and is healthy. */
async function clearTheWay(resource: Resource, action: Action, deadline: number): Promise<'free' | 'runs'> {
  // The engine itself reads the lease.
  const find = async (): Promise<readonly EngineProcess[]> => enginesHere(resource);
  const { code, reason } = await monitor(resource, action.program, { depth: 0, pingTimeoutMs: PING_TIMEOUT_MS, find });
  if (code === OCF.SUCCESS) return 'runs';
  if (code === OCF.NOT_RUNNING && reason !== null) throw new OcfFailure(OCF.ERR_GENERIC, reason);
  if (code !== OCF.NOT_RUNNING) {
    action.log(`${reason}; it is ended before another one is started`);
    const now = performance.now();
    await stop(resource, action, now + (deadline - now) / 2);
  }
  return 'free';
}

async function waitFor(child: EngineChild, resource: Resource, log: LogFile, action: Action, deadline: number) {
  const { socket, logfile } = resource.parameters;
  let waitsFor = 'the engine has not responded yet';
  let loggedAt = performance.now();
  while (performance.now() < deadline) {
    const { ended } = child;
    if (ended) {
      const reason = (await child.report()) || `${ended.why}: ${lastLines(logfile, log.begin)}`;
      throw new OcfFailure(codeOf(ended.code), reason);
    }
    const answer = await callEngine(socket, 'ping', 1000);
    if (answer.is === 'answering') return;
    if (answer.is === 'silent') waitsFor = answer.reason;
    if (performance.now() - loggedAt > LOG_EVERY_MS) {
      loggedAt = performance.now();
      action.log(`waiting for the engine (pid ${child.pid}): ${waitsFor}`);
    }
    await delay(POLL_MS);
  }
  child.kill();
  throw new OcfFailure(OCF.ERR_GENERIC, `the engine did not start in time: ${waitsFor}`);
}

export async function start(resource: Resource, action: Action): Promise<void> {
  const deadline = performance.now() + timeoutOf(action.environment, DEFAULT_TIMEOUT_MS);
  if ((await clearTheWay(resource, action, deadline)) === 'runs') return;
  setLimits(action.log);
  const log = prepare(resource.parameters);
  const child = new EngineChild(resource, action, log.descriptor, existsSync(resource.parameters.config));
  closeSync(log.descriptor);
  await waitFor(child, resource, log, action, deadline);
  child.release();
}
