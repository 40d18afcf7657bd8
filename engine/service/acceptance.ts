/**
 * Accepts a notification: decides what becomes of it, journals it, then responds.
 *
 * Invariant: a notification is acknowledged only after it is in the journal.
 */
import { randomUUID } from 'node:crypto';
import type { Configuration } from '#config/configuration.ts';
import { type FailoverSegment, segmentOf } from '#config/options/segments.ts';
import type { Clock } from '#protocol/clock.ts';
import type { Log } from '#protocol/log.ts';
import { canonicalPayload, type Notification } from '#protocol/notification.ts';
import { LOCAL_ORIGIN, type Origin } from '#protocol/origin.ts';
import type { Cloud } from '../cloud/cloud.ts';
import { crashPoint } from '../crash-points.ts';
import { FRESH_PROOF_MS } from '../intake/host-liveness-decision.ts';
import type { HostNames } from '../intake/host-names.ts';
import { decideNotification, type NotificationDecision, targetOf } from '../intake/notification-decision.ts';
import { skewOf } from '../intake/report-order-decision.ts';
import { returnFacts } from '../intake/return-facts.ts';
import type { Journal } from '../journal/journal.ts';
import type { AcceptResult, DecisionFacts } from '../journal/mutations.ts';
import type { LogbookRow, Proof } from '../journal/rows.ts';

/**
 * Checks whether a host was fenced. Returns why that is not confirmed; undefined: it is. Does not reject.
 *
 * @param isMeant whether a name is that of the host
 */
export type FencingCheck = (isMeant: (host: string) => boolean) => Promise<string | undefined>;

/** A monitor's data about the transit of a notification, for the log. */
export interface Delivery {
  readonly ageSeconds: number;
  readonly attempts: number;
}

function isOld(delivery: Delivery | undefined): boolean {
  return delivery !== undefined && delivery.ageSeconds * 1000 > FRESH_PROOF_MS;
}

/** How far the clock of the reporter is ahead, in whole seconds; undefined if it is not. */
function skewSeconds({ generated_at, accepted_at }: LogbookRow): number | undefined {
  return Math.round(skewOf(generated_at, accepted_at) / 1000) || undefined;
}

/** @param host by Nova's name */
function reportFacts(report: Notification, host: string, segment: FailoverSegment | undefined): DecisionFacts {
  return {
    type: report.type,
    host,
    ...(report.hostname === host ? {} : { reported_host: report.hostname }),
    payload: { ...report.payload },
    generated_time: report.generated_time.toISOString(),
    segment: segment?.name ?? null,
    segment_enabled: segment?.enabled ?? null,
  };
}

function originFacts({ caller, user }: Origin, delivery: Delivery | undefined): DecisionFacts {
  return {
    identity: caller.identity,
    address: caller.address || null,
    user: user?.user ?? null,
    age_ms: delivery === undefined ? null : Math.floor(delivery.ageSeconds * 1_000),
    delivery_attempts: delivery?.attempts ?? null,
  };
}

export interface AcceptanceParts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly cloud: Cloud;
  readonly configuration: Configuration;
  readonly log: Log;
  /** The second witness of a fencing that another node reports; without one the report is sufficient. */
  readonly checkFencing?: FencingCheck;
  readonly hostNames: HostNames;
  /** Aborted when the engine stops. */
  readonly signal: AbortSignal;
  /** Called after each accepted notification. */
  readonly wake: () => void;
}

export class Acceptance {
  readonly #parts: AcceptanceParts;

  constructor(parts: AcceptanceParts) {
    this.#parts = parts;
  }

  /** Journals a notification, then responds. @param given the reporter's evidence that the host is down */
  async accept(
    report: Notification,
    given: Proof = 'none',
    delivery?: Delivery,
    origin: Origin = LOCAL_ORIGIN,
  ): Promise<AcceptResult> {
    const { configuration, clock, journal } = this.#parts;
    const { duplicateNotificationDetectionIntervalMs: duplicateIntervalMs } = configuration.options.general;
    const notification = { ...report, hostname: this.#parts.hostNames.known(report.hostname) };
    this.#parts.hostNames.readIfUnknown(report.hostname, this.#parts.signal);
    const { proof, witness } = await this.#proofOf(notification, given, delivery, origin);
    const segment = segmentOf(configuration.segments, notification.hostname);
    const back = await returnFacts(this.#parts, notification);
    // A gate reads it for the failure of a host.
    const maintenance = notification.type === 'COMPUTE_HOST' ? 'off' : await this.#maintenanceOf(notification.hostname);
    const { status, reason } = decideNotification(notification, segment, proof, back, maintenance);
    crashPoint('notification.before-accept');
    const result = await journal.accept({
      uuid: randomUUID(),
      type: notification.type,
      host: notification.hostname,
      target: targetOf(notification),
      payload: canonicalPayload(notification),
      generatedAt: notification.generated_time.getTime(),
      status,
      message: reason,
      duplicateIntervalMs,
      proof,
      ...(delivery ? { ageMs: delivery.ageSeconds * 1_000 } : {}),
      origin,
      facts: {
        ...reportFacts(report, notification.hostname, segment),
        ...originFacts(origin, delivery),
        ...{ given_proof: given, proof, second_witness: witness, last_failure: back?.failure ?? null },
      },
      limits: { fresh_proof_ms: FRESH_PROOF_MS, duplicate_interval_ms: duplicateIntervalMs },
      at: clock.now(),
    });
    crashPoint('notification.after-accept');
    this.#logAccepted(report, result, delivery, { status, reason });
    this.#parts.wake();
    return result;
  }

  #logAccepted(
    report: Notification,
    { logbook, isDuplicate }: AcceptResult,
    delivery: Delivery | undefined,
    { status, reason }: NotificationDecision,
  ): void {
    const { uuid, type, host } = logbook;
    this.#parts.log('info', isDuplicate ? 'notification is a duplicate' : `notification accepted as ${status}`, {
      uuid,
      type,
      host,
      reported_host: report.hostname === host ? undefined : report.hostname,
      reason: isDuplicate ? null : reason,
      age_seconds: delivery?.ageSeconds,
      attempts: delivery?.attempts,
      skew_seconds: skewSeconds(logbook),
    });
  }

  async #maintenanceOf(host: string): Promise<'on' | 'off'> {
    const { journal, hostNames } = this.#parts;
    const maintenances = await journal.query('maintenances');
    return maintenances.some((one) => hostNames.isSame(one.host, host)) ? 'on' : 'off';
  }

  /** Proof that the host is down, by the evidence that this engine accepts. `witness`: what the second witness of a fencing showed. */
  async #proofOf(
    { type, hostname }: Notification,
    given: Proof,
    delivery: Delivery | undefined,
    { caller }: Origin,
  ): Promise<{ readonly proof: Proof; readonly witness: string | null }> {
    if (given !== 'fencing') return { proof: given, witness: null };
    if (isOld(delivery)) return { proof: 'none', witness: 'not read: the report is too old' };
    const { checkFencing, log } = this.#parts;
    if (checkFencing === undefined) return { proof: given, witness: 'not read: the engine has none' };
    // The monitor of this node has read the same Pacemaker.
    if (caller.address === '' || type !== 'COMPUTE_HOST') {
      return { proof: given, witness: 'not read: the report is of this node' };
    }
    const reason = await checkFencing((name) => this.isSameHost(name, hostname));
    if (reason === undefined) return { proof: given, witness: 'the fencing is confirmed' };
    log('warning', "a reported fencing is not confirmed: Nova's signs of life decide", {
      host: hostname,
      identity: caller.identity,
      reason,
    });
    return { proof: 'none', witness: `the fencing is not confirmed: ${reason}` };
  }

  /** Whether two names are of one host; the short and the full name only if Nova shows that they are. */
  readonly isSameHost = (one: string, other: string): boolean => {
    const isSame = this.#parts.hostNames.isSame(one, other);
    if (!isSame) this.#parts.hostNames.readIfUnknown(one, this.#parts.signal);
    return isSame;
  };
}
