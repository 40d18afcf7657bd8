/**
 * Decides the report of a host from its state and the earlier reports. Pure.
 *
 * Invariant: a death is reported once and a return once, also across restarts. A host that is dead when the monitor starts is
 * reported. Two deaths are distinguished by the time of the fencing, so that one between two runs of the monitor is not missed.
 * A proof is sent with the report of a host that is dead now, never with one of a host that is back.
 */
import type { ReportedProof } from '#protocol/death-proof.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import { SAME_FENCING_MS, unknownFencings } from './new-fencing-decision.ts';
import { SETTLED_PROOFS } from './policy.ts';
import type { Proof } from './sources/source.ts';
import type { HostDecision } from './state-decision.ts';

/** The last report of a host that is not up; nothing is stored for a host that is up. */
export interface LastReport {
  readonly said: 'dead' | 'suspected';
  /** Generated time of the report, milliseconds UTC. */
  readonly since: number;
  readonly proof?: Proof;
}

export interface Report {
  readonly body: NotificationBody;
  /** The new state once the report is durable; undefined: the host is up again. */
  readonly last: LastReport | undefined;
  readonly proof: ReportedProof;
}

/**
 * A fencing longer ago is no proof for the engine: the host may have booted again, and by then Nova itself shows a dead host as
 * down. Without alerts the next poll detects a death up to 60 s later. Milliseconds.
 */
const PROOF_LASTS_MS = 90_000;

/** `silent`: a host that is not proven dead is not reported. */
export type Unproven = 'reported' | 'silent';

/** `decision` is the accepted state; a suspected host is passed only after the required number of polls */
export function reportOf(
  host: string,
  decision: Pick<HostDecision, 'state' | 'proof' | 'since'>,
  last: LastReport | undefined,
  unproven: Unproven,
): Omit<Report, 'proof'> | undefined {
  const { state, proof, since } = decision;
  if (state === 'dead' && (last?.said !== 'dead' || isAnotherDeath(decision, last))) {
    return {
      body: stopped(host, since, 'NORMAL'),
      last: { said: 'dead', since, ...(proof === undefined ? {} : { proof }) },
    };
  }
  if (state === 'suspected' && unproven === 'reported' && last === undefined) {
    return { body: stopped(host, since, 'UNKNOWN'), last: { said: 'suspected', since } };
  }
  if (state === 'up' && last !== undefined) {
    // The clocks of the fencing node and of this one may differ; the return must come after the death.
    return { body: started(host, Math.max(since, last.since + 1)), last: undefined };
  }
  return undefined;
}

/**
 * The death of a host that was fenced and is up again, and that no poll found dead: several fencings in between count as one.
 * @param fencings all fencings of it in the history
 * @param known those of them that are not new, in ascending order
 */
export function missedDeath(
  host: string,
  fencings: readonly number[],
  known: readonly number[],
  last: LastReport | undefined,
  now: number,
): Report | undefined {
  const news = unknownFencings(fencings, known).filter(
    (since) => last?.said !== 'dead' || isAnotherDeath({ proof: 'fenced', since }, last),
  );
  if (news.length === 0) return undefined;
  // The clock of the node that fenced it may be ahead of ours.
  const since = Math.min(Math.max(...news), now);
  return { body: stopped(host, since, 'NORMAL'), last: { said: 'dead', since, proof: 'fenced' }, proof: 'none' };
}

/**
 * The proof sent with the report: the host has no power, or was fenced and cannot have booted since. An operator's confirmation is
 * no fencing.
 * @param unfencedMs age of the last poll that had it up, or down and not fenced; Infinity: none did
 */
export function reportedProof(
  { state, proof, since }: Pick<HostDecision, 'state' | 'proof' | 'since'>,
  unfencedMs: number,
  now: number,
): ReportedProof {
  if (state !== 'dead') return 'none';
  if (proof === 'power off') return 'fencing';
  // Our own polls come first: the time of the fencing is of another node's clock.
  const isRecent = unfencedMs <= PROOF_LASTS_MS || Math.abs(now - since) <= PROOF_LASTS_MS;
  return proof === 'fenced' && isRecent ? 'fencing' : 'none';
}

function isAnotherDeath({ proof, since }: Pick<HostDecision, 'proof' | 'since'>, last: LastReport): boolean {
  if (proof === undefined || last.proof === undefined) return false;
  // Without an event of its own (power found off) the time is that of the poll and distinguishes nothing.
  return SETTLED_PROOFS.has(proof) && SETTLED_PROOFS.has(last.proof) && since > last.since + SAME_FENCING_MS;
}

function stopped(host: string, since: number, status: 'NORMAL' | 'UNKNOWN'): NotificationBody {
  return report(host, since, { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: status });
}

function started(host: string, since: number): NotificationBody {
  return report(host, since, { event: 'STARTED', cluster_status: 'ONLINE', host_status: 'NORMAL' });
}

type HostPayload = Extract<NotificationBody['notification'], { type: 'COMPUTE_HOST' }>['payload'];

function report(hostname: string, since: number, payload: HostPayload): NotificationBody {
  return {
    notification: { type: 'COMPUTE_HOST', hostname, generated_time: new Date(since).toISOString(), payload },
  };
}
