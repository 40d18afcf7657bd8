/**
 * `monitor`: checks whether the engine runs here, and whether it is healthy.
 *
 * Depth 0: its socket responds and belongs to the engine. Depth 10: it also wrote into its journal under its own lease just now,
 * and the cloud responds. "Not running" is returned only if no witness has an engine; see running.ts.
 */
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, statOf } from '#protocol/process-file.ts';
import type { Action } from './action.ts';
import { OCF, type OcfCode } from './codes.ts';
import type { EngineProcess } from './engine-process.ts';
import { callEngine, type PingAnswer } from './ping.ts';
import type { Resource } from './resource.ts';
import { engineInFile, findEngines } from './running.ts';

export interface MonitorResult {
  readonly code: OcfCode;
  /** Why the code is not 0; with code 0 a fault that does not matter. */
  readonly reason: string | null;
}

/** Finds the engines of the resource; `findEngines` unless a caller needs less. */
export type Find = (resource: Resource, program: Action['program']) => Promise<readonly EngineProcess[]>;

export interface Thoroughness {
  /** `OCF_CHECK_LEVEL`: from 10 on the journal and the cloud are checked too. */
  readonly depth: number;
  readonly pingTimeoutMs?: number;
  readonly find?: Find;
}

const PING_TIMEOUT_MS = 10_000;
const HEALTH_TIMEOUT_MS = 45_000;
/** A killed process exists until its last thread has ended. */
const DYING_MS = 2_000;
const POLL_MS = 20;

function query(socket: string, { depth, pingTimeoutMs = PING_TIMEOUT_MS }: Thoroughness): Promise<PingAnswer> {
  return depth >= 10 ? callEngine(socket, 'health', HEALTH_TIMEOUT_MS) : callEngine(socket, 'ping', pingTimeoutMs);
}

/** Resolves with whether it survives, once that is decided. */
async function survives({ name }: EngineProcess): Promise<boolean> {
  const deadline = performance.now() + DYING_MS;
  while (isAlive(name)) {
    if (statOf(name.pid)?.state !== 'Z' || performance.now() > deadline) return true;
    await delay(POLL_MS);
  }
  return false;
}

async function living(engines: readonly EngineProcess[]): Promise<readonly EngineProcess[]> {
  const lives = await Promise.all(engines.map(survives));
  return engines.filter((_, index) => lives[index]);
}

function listensOn({ socket }: EngineProcess, path: string): boolean {
  return socket === undefined || socket === resolve(path);
}

export async function monitor(
  resource: Resource,
  program: Action['program'],
  how: Thoroughness,
): Promise<MonitorResult> {
  const { socket } = resource.parameters;
  const requested = query(socket, how);
  // In parallel with the engine's response: a success must be fast.
  const named = engineInFile(resource);
  const answer = await requested;
  if (answer.is === 'answering' && named && listensOn(named, socket)) return { code: OCF.SUCCESS, reason: null };
  const engines = await living(await (how.find ?? findEngines)(resource, program));
  const [engine] = engines;
  if (engine === undefined) {
    const stranger = answer.is === 'absent' ? null : `another program listens on ${socket}`;
    return { code: OCF.NOT_RUNNING, reason: stranger };
  }
  const here = engines.find((one) => listensOn(one, socket));
  return here ? decide(here, answer, resource, named !== undefined) : decideElsewhere(engine, how);
}

/** For an engine that listens on the resource's socket. */
function decide(
  { name: { pid } }: EngineProcess,
  answer: PingAnswer,
  { parameters: { socket, pidfile } }: Resource,
  isNamed: boolean,
): MonitorResult {
  const lost = isNamed ? null : `the process file ${pidfile} is lost`;
  if (answer.is === 'answering')
    return { code: OCF.SUCCESS, reason: lost && `engine (pid ${pid}) is healthy; ${lost}` };
  const reason =
    answer.is === 'silent'
      ? `engine (pid ${pid}) is unhealthy: ${answer.reason}`
      : `engine (pid ${pid}) runs, but its socket ${socket} is lost${lost ? `, and ${lost}` : ''}`;
  return { code: OCF.ERR_GENERIC, reason };
}

/** For an engine that was started with another socket than the resource has now. */
async function decideElsewhere(
  { name: { pid }, socket = '' }: EngineProcess,
  how: Thoroughness,
): Promise<MonitorResult> {
  const answer = await query(socket, how);
  if (answer.is === 'answering')
    return { code: OCF.SUCCESS, reason: `engine (pid ${pid}) listens on ${socket}, as it was started` };
  const why = answer.is === 'silent' ? answer.reason : 'its socket is lost';
  return { code: OCF.ERR_GENERIC, reason: `engine (pid ${pid}) on ${socket} is unhealthy: ${why}` };
}
