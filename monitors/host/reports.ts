/**
 * What is reported of a host, given what was reported before. Pure.
 *
 * Invariant: a death is reported once and a return once, also across restarts. A host that is dead when the monitor starts is
 * reported. Two deaths are told apart by the time of the fencing, so that one between two runs of the monitor is not missed.
 */
import type { NotificationBody } from '#protocol/notification.ts';
import type { Proof } from './fact.ts';
import type { Verdict } from './judge.ts';
import { SETTLED_PROOFS } from './policy.ts';

/** What the engine was told of a host that is not up; of a host that is, nothing is kept. */
export interface Told {
  readonly said: 'dead' | 'suspected';
  /** Generated time of the report, milliseconds UTC. */
  readonly since: number;
  readonly proof?: Proof;
}

export interface Report {
  readonly body: NotificationBody;
  /** What holds once the report is safe; undefined: the host is up again. */
  readonly told: Told | undefined;
}

/**
 * The history of fencing is kept by each node, and what one learns from another may have another node's clock: a fencing
 * that is this little newer is the one that was reported. Milliseconds.
 */
const SAME_FENCING_MS = 10_000;

/** `silent`: a host that is not proven dead is not reported. */
export type Unproven = 'reported' | 'silent';

/** @param verdict settled; one of a host in doubt is only given when it has lasted for as many looks as are asked for */
export function reportOf(
  host: string,
  verdict: Pick<Verdict, 'state' | 'proof' | 'since'>,
  told: Told | undefined,
  unproven: Unproven,
): Report | undefined {
  const { state, proof, since } = verdict;
  if (state === 'dead' && (told?.said !== 'dead' || isAnotherDeath(verdict, told))) {
    return {
      body: stopped(host, since, 'NORMAL'),
      told: { said: 'dead', since, ...(proof === undefined ? {} : { proof }) },
    };
  }
  if (state === 'suspected' && unproven === 'reported' && told === undefined) {
    return { body: stopped(host, since, 'UNKNOWN'), told: { said: 'suspected', since } };
  }
  if (state === 'up' && told !== undefined) {
    // The clocks of the fencing node and of this one may differ; the return comes after the death all the same.
    return { body: started(host, Math.max(since, told.since + 1)), told: undefined };
  }
  return undefined;
}

function isAnotherDeath({ proof, since }: Pick<Verdict, 'proof' | 'since'>, told: Told): boolean {
  if (proof === undefined || told.proof === undefined) return false;
  // Without an event of its own (power found off) the time is that of the look and tells nothing.
  return SETTLED_PROOFS.has(proof) && SETTLED_PROOFS.has(told.proof) && since > told.since + SAME_FENCING_MS;
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
