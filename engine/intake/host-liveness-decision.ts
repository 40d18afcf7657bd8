/**
 * Whether a host that was reported down is alive, by the engine's own observation. Pure.
 *
 * Invariant: a host that Nova shows as `up` is forced down only if an operator or a fencing proves its failure, or if its heartbeat did not
 * change between two reads. This also holds if an earlier round forced the host down and its service was enabled since. Clocks of two
 * machines are not compared: only the change of Nova's last heartbeat time while the engine polls counts.
 */
import type { ComputeService } from '../cloud/cloud.ts';

/** A fencing proves that the host was off then; after this time, in ms, it may be on again. */
export const FRESH_PROOF_MS = 60_000;

/** Reads of a service whose time moves without clear evidence that it is alive; by then Nova's own `down` would be visible too. */
const MAX_READS = 6;

export interface LifeFacts {
  /** This flow has requested that the host is forced down, and the outcome of the request is unknown. */
  readonly isRequested: boolean;
  /** An operator's statement or a fencing that is newer than every report of the host's return. */
  readonly isProven: boolean;
}

export type LifeDecision = 'dead' | 'alive' | 'read again';

/**
 * @param reads the service of the host, oldest first, each one and a half to three report intervals after the previous one
 *
 * One move of its time may be a heartbeat that waited in a queue while the host failed, and a change by an operator moves it as well. So
 * two moves that no change explains prove life.
 */
export function decideLife(reads: readonly ComputeService[], { isRequested, isProven }: LifeFacts): LifeDecision {
  const [last, before] = [reads.at(-1), reads.at(-2)];
  if (!last) return 'read again';
  if (isRequested || isProven || last.state === 'down' || last.forcedDown) return 'dead';
  if (!before) return 'read again';
  const moves = reads.slice(1).map((read, index) => isHeartbeat(reads[index] ?? read, read));
  if (moves.filter(Boolean).length >= 2) return 'alive';
  if (moves.every((move) => !move) && isUnchanged(before, last)) return 'dead';
  return reads.length < MAX_READS ? 'read again' : 'dead';
}

/** Whether Nova's time of the service moved, and nothing else changed. */
function isHeartbeat(first: ComputeService, later: ComputeService): boolean {
  if (first.updatedAt === null || later.updatedAt === null) return false;
  return first.updatedAt.getTime() !== later.updatedAt.getTime() && isUnchanged(first, later);
}

/** Whether the service was neither enabled, disabled nor forced in between. */
function isUnchanged(first: ComputeService, later: ComputeService): boolean {
  return (
    first.status === later.status &&
    first.forcedDown === later.forcedDown &&
    first.disabledReason === later.disabledReason
  );
}

/** @param sign the observation and its time, as in "came back at …" */
export function livesMessage(host: string, sign: string, uuid: string): string {
  return `Host '${host}' ${sign}, after this report of its death: it is not recovered. If it is down nevertheless, run "recovery-agent retry ${uuid} --host-is-down".`;
}
