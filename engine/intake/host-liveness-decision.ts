/**
 * Whether a host that was reported dead shows life, by the engine's own observation. Pure.
 *
 * Invariant: a host that Nova shows `up` is forced down only when a person or a fencing proves its death, or when its heartbeat stood
 * still between two reads; also when an earlier round forced it down and somebody has put it into service since. No clocks of two machines are compared: what counts is that
 * Nova's time of the last heartbeat moved on while the engine watched.
 */
import type { ComputeService } from '../cloud/cloud.ts';

/** A fencing proves that the host was off then; after so long, in ms, it may be on again. */
export const FRESH_PROOF_MS = 60_000;

/** Reads of a service whose time moves without showing clearly whether it lives; then Nova's own `down` has had its time too. */
const MAX_READS = 6;

export interface LifeFacts {
  /** This flow has requested that the host is forced down, and does not know yet what became of the request. */
  readonly isRequested: boolean;
  /** A person's word or a fencing, newer than every report that the host came back. */
  readonly isProven: boolean;
}

export type LifeDecision = 'dead' | 'alive' | 'read again';

/**
 * @param reads the service of the host, oldest first, each one and a half to three report intervals after the one before
 *
 * One move of its time may be a heartbeat that waited in a queue while the host died, and a change by an operator moves it as well. So
 * life is two moves that nobody's change explains.
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

/** Whether Nova's time of the service moved, and nothing else did. */
function isHeartbeat(first: ComputeService, later: ComputeService): boolean {
  if (first.updatedAt === null || later.updatedAt === null) return false;
  return first.updatedAt.getTime() !== later.updatedAt.getTime() && isUnchanged(first, later);
}

/** Whether nobody enabled, disabled or forced the service in between. */
function isUnchanged(first: ComputeService, later: ComputeService): boolean {
  return (
    first.status === later.status &&
    first.forcedDown === later.forcedDown &&
    first.disabledReason === later.disabledReason
  );
}

/** @param sign what it did and when, as in "came back at …" */
export function livesMessage(host: string, sign: string, uuid: string): string {
  return `Host '${host}' ${sign}, after this report of its death: it is left alone. If it is dead all the same, run "recovery-agent retry ${uuid} --host-is-down".`;
}
