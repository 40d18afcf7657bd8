/**
 * `monitor`: is the engine here, and is it well?
 *
 * Depth 0: its process lives and its socket answers. Depth 10: it also wrote into its journal under its own lease just now, and
 * the cloud answers.
 */
import { isAlive, readProcessFile } from '#protocol/process-file.ts';
import { OCF, type OcfCode } from './codes.ts';
import type { Parameters } from './parameters.ts';
import { askEngine } from './ping.ts';

export interface MonitorResult {
  readonly code: OcfCode;
  readonly reason: string | null;
}

const PING_TIMEOUT_MS = 10_000;
const HEALTH_TIMEOUT_MS = 45_000;

export async function monitor({ socket, pidfile }: Parameters, depth: number): Promise<MonitorResult> {
  const name = readProcessFile(pidfile);
  const lives = name !== undefined && isAlive(name);
  const answer = await askEngine(
    socket,
    depth >= 10 ? 'health' : 'ping',
    depth >= 10 ? HEALTH_TIMEOUT_MS : PING_TIMEOUT_MS,
  );
  if (answer.is === 'answering') return { code: OCF.SUCCESS, reason: null };
  if (answer.is === 'silent')
    return { code: OCF.ERR_GENERIC, reason: `the engine on ${socket} is not well: ${answer.reason}` };
  // A process without a socket is starting, stopping or stuck: it may hold the lease, so it is not "not running".
  if (lives)
    return { code: OCF.ERR_GENERIC, reason: `the engine (pid ${name.pid}) lives and does not answer on ${socket}` };
  return { code: OCF.NOT_RUNNING, reason: null };
}
