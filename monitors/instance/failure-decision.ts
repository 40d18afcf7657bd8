/**
 * Decides from libvirt's event or listing, the stored state and the log whether an instance has failed. Pure.
 *
 * Invariants: a requested end (a stop, a destroy, a migration, a save, a shutdown from inside) is never a failure. A failure
 * is detected by an event, or by a listing after a time without a watch. A failure that was reported in a life of a domain
 * is not detected again in that life.
 *
 * These events and states were tested with libvirt 9.0 and QEMU 7.2; test/labs/libvirt repeats the tests.
 */

import { IO_ERROR_ACTION, LIFECYCLE, PAUSED, SHUTOFF, STATE, STOPPED, SUSPENDED } from '../libvirt/constants.ts';
import type { DomainState } from '../libvirt/domains.ts';
import type { DomainEvent } from '../libvirt/events.ts';
import type { DomainDecision, FailureKind } from './failure.ts';
import { isReported, type KnownDomain } from './known-domain.ts';
import type { LogEnding } from './qemu-log.ts';

const NOTHING: DomainDecision = { outcome: 'nothing' };
const OFF: DomainDecision = { outcome: 'off' };

/** @param event of a domain of Nova */
export function decideEvent(known: KnownDomain | undefined, event: DomainEvent): DomainDecision {
  // Events of an end carry the id of the life or -1, depending on how it ended.
  const life = event.domain.id >= 0 ? event.domain.id : (known?.life ?? -1);
  const failed = (kind: FailureKind, recovers: 'never' | 'maybe'): DomainDecision =>
    isReported(known, life, kind) ? NOTHING : { outcome: 'failed', kind, life, certainty: 'certain', recovers };
  switch (event.kind) {
    case 'reboot':
      return { outcome: 'running', life };
    case 'io-error':
    case 'io-error-reason':
      return event.action === IO_ERROR_ACTION.report ? failed('disk-error', 'never') : NOTHING;
    case 'watchdog':
    case 'control-error':
      // Its result arrives as another event.
      return NOTHING;
    case 'lifecycle':
      return decideLifecycle(known, event, life, failed);
  }
}

function decideLifecycle(
  known: KnownDomain | undefined,
  { event, detail }: { readonly event: number; readonly detail: number },
  life: number,
  failed: (kind: FailureKind, recovers: 'never' | 'maybe') => DomainDecision,
): DomainDecision {
  switch (event) {
    case LIFECYCLE.started:
    case LIFECYCLE.resumed:
      return { outcome: 'running', life };
    case LIFECYCLE.suspended:
      if (detail === SUSPENDED.ioError) return failed('io-error', 'maybe');
      if (detail === SUSPENDED.watchdog) return failed('watchdog', 'maybe');
      if (detail === SUSPENDED.apiError) return failed('api-error', 'maybe');
      return { outcome: 'on', life };
    case LIFECYCLE.pmSuspended:
      return { outcome: 'on', life };
    case LIFECYCLE.crashed:
      // With on_crash=restart libvirt resets the guest at once.
      return failed('panicked', 'maybe');
    case LIFECYCLE.stopped: {
      if (detail !== STOPPED.failed && detail !== STOPPED.crashed) return OFF;
      const decision = failed(detail === STOPPED.failed ? 'killed' : 'panicked', 'never');
      return decision.outcome === 'nothing' ? OFF : decision;
    }
    case LIFECYCLE.undefined:
      return known?.power === 'on' ? NOTHING : { outcome: 'gone' };
    default:
      return NOTHING;
  }
}

/** A domain in a listing; without a state it is not in the listing. */
export interface Listed {
  readonly id: number;
  readonly state: DomainState | undefined;
  /** `reconnect`: nothing was watched before this listing. */
  readonly after: 'reconnect' | 'resync';
}

const isBlameless = (reason: number): boolean => !Object.values<number>(SHUTOFF).includes(reason);
const isFailedReason = (reason: number): boolean => reason === SHUTOFF.crashed || reason === SHUTOFF.failed;

/** Whether the log of the domain has to be read before `decideListed`. */
export function needsLog(known: KnownDomain | undefined, { state, after }: Listed): boolean {
  if (known?.power === 'on')
    return state === undefined || (state.state === STATE.shutoff && !isBlameless(state.reason));
  return (
    known?.power === 'off' && after === 'reconnect' && state?.state === STATE.shutoff && isFailedReason(state.reason)
  );
}

export function decideListed(
  known: KnownDomain | undefined,
  listed: Listed,
  ending: LogEnding | undefined,
): DomainDecision {
  const { state, id } = listed;
  if (state === undefined)
    return known?.power === 'on' ? decideEnd(known, SHUTOFF.unknown, ending) : { outcome: 'gone' };
  const isStillFailed = (kind: FailureKind): DomainDecision =>
    isReported(known, id, kind)
      ? { outcome: 'on', life: id }
      : { outcome: 'failed', kind, life: id, certainty: 'certain', recovers: 'maybe' };
  switch (state.state) {
    case STATE.running:
    case STATE.blocked:
      return { outcome: 'running', life: id };
    case STATE.crashed:
      return isStillFailed('panicked');
    case STATE.paused:
      if (state.reason === PAUSED.ioError) return isStillFailed('io-error');
      if (state.reason === PAUSED.watchdog) return isStillFailed('watchdog');
      if (state.reason === PAUSED.crashed) return isStillFailed('panicked');
      return { outcome: 'on', life: id };
    case STATE.shutoff:
      if (known?.power === 'on') return decideEnd(known, state.reason, ending);
      return isFailedReason(state.reason) ? decideOldEnd(known, listed, ending) : OFF;
    default:
      return { outcome: 'on', life: id };
  }
}

/** It was on and is off. */
function decideEnd(known: KnownDomain, reason: number, written: LogEnding | undefined): DomainDecision {
  if (isBlameless(reason)) return OFF;
  if (isReported(known, known.life, 'killed')) return OFF;
  // The log may end with an earlier life: then it does not have the end of this one.
  const ending = written !== undefined && written.at >= known.at ? written : undefined;
  const killed = (certainty: 'certain' | 'uncertain'): DomainDecision => ({
    outcome: 'failed',
    kind: 'killed',
    life: known.life,
    ...(ending && { at: ending.at }),
    certainty,
    recovers: 'never',
  });
  if (reason === SHUTOFF.crashed || ending?.reason === 'crashed') return killed('certain');
  // libvirt sets `failed` also after a start that did not succeed, which is reported to its caller.
  if (reason === SHUTOFF.failed || ending?.reason === 'failed') return killed('uncertain');
  if (ending !== undefined && ending.reason !== 'unknown' && ending.reason !== 'daemon') return OFF;
  return { outcome: 'failed', kind: 'unexplained', life: known.life, certainty: 'uncertain', recovers: 'never' };
}

/** It is off with the reason of a failure, and was not detected on: an old failure, or one of a life that was not watched. */
function decideOldEnd(known: KnownDomain | undefined, listed: Listed, ending: LogEnding | undefined): DomainDecision {
  const failed = { outcome: 'failed', kind: 'killed', recovers: 'never' } as const;
  if (known === undefined) return { ...failed, life: -1, certainty: 'uncertain' };
  const isNew = listed.after === 'reconnect' && ending !== undefined && ending.at > known.at;
  // The id of its life is unknown; -1 differs from the id whose failures were reported.
  if (isNew && ending.reason === 'crashed') return { ...failed, life: -1, at: ending.at, certainty: 'certain' };
  return OFF;
}
