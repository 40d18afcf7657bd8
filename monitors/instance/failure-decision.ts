/**
 * Has an instance failed? From what libvirt told or listed, what was known, and what its log says. Pure.
 *
 * Invariants: what somebody asked for (a stop, a destroy, a migration, a save, a shutdown from inside) is never a failure;
 * a failure is found whether it was told, or is seen in a listing after nobody had watched; what was reported in a life of
 * a domain is not found again in it.
 *
 * Which events and states these are was tried out with libvirt 9.0 and QEMU 7.2; test/labs/libvirt tries it out again.
 */

import { IO_ERROR_ACTION, LIFECYCLE, PAUSED, SHUTOFF, STATE, STOPPED, SUSPENDED } from '../libvirt/constants.ts';
import type { DomainState } from '../libvirt/domains.ts';
import type { DomainEvent } from '../libvirt/events.ts';
import type { FailureKind } from './failure.ts';
import { isReported, type KnownDomain } from './known-domain.ts';
import type { LogEnding } from './qemu-log.ts';

export type Verdict =
  | { readonly verdict: 'nothing' }
  | { readonly verdict: 'running'; readonly life: number }
  /** There is a process, which somebody let stand still. */
  | { readonly verdict: 'on'; readonly life: number }
  | { readonly verdict: 'off' }
  | { readonly verdict: 'gone' }
  | {
      readonly verdict: 'failed';
      readonly kind: FailureKind;
      readonly life: number;
      /** When; undefined: now. Milliseconds UTC. */
      readonly at?: number;
      /** `uncertain`: it counts only when Nova says that the instance should run here. */
      readonly certainty: 'certain' | 'uncertain';
      /** `maybe`: the guest or libvirt may mend it by itself in a moment. */
      readonly mends: 'never' | 'maybe';
    };

const NOTHING: Verdict = { verdict: 'nothing' };
const OFF: Verdict = { verdict: 'off' };

/** Of an event, as far as it is told of a domain of Nova. */
export function judgeEvent(known: KnownDomain | undefined, event: DomainEvent): Verdict {
  // Events of an end carry the id of the life or -1, depending on how it ended.
  const life = event.domain.id >= 0 ? event.domain.id : (known?.life ?? -1);
  const failed = (kind: FailureKind, mends: 'never' | 'maybe'): Verdict =>
    isReported(known, life, kind) ? NOTHING : { verdict: 'failed', kind, life, certainty: 'certain', mends };
  switch (event.kind) {
    case 'reboot':
      return { verdict: 'running', life };
    case 'io-error':
    case 'io-error-reason':
      return event.action === IO_ERROR_ACTION.report ? failed('disk-error', 'never') : NOTHING;
    case 'watchdog':
    case 'control-error':
      // What came of it is told by an event of its own.
      return NOTHING;
    case 'lifecycle':
      return judgeLifecycle(known, event, life, failed);
  }
}

function judgeLifecycle(
  known: KnownDomain | undefined,
  { event, detail }: { readonly event: number; readonly detail: number },
  life: number,
  failed: (kind: FailureKind, mends: 'never' | 'maybe') => Verdict,
): Verdict {
  switch (event) {
    case LIFECYCLE.started:
    case LIFECYCLE.resumed:
      return { verdict: 'running', life };
    case LIFECYCLE.suspended:
      if (detail === SUSPENDED.ioError) return failed('io-error', 'maybe');
      if (detail === SUSPENDED.watchdog) return failed('watchdog', 'maybe');
      if (detail === SUSPENDED.apiError) return failed('api-error', 'maybe');
      return { verdict: 'on', life };
    case LIFECYCLE.pmSuspended:
      return { verdict: 'on', life };
    case LIFECYCLE.crashed:
      // With on_crash=restart libvirt resets the guest at once.
      return failed('panicked', 'maybe');
    case LIFECYCLE.stopped: {
      if (detail !== STOPPED.failed && detail !== STOPPED.crashed) return OFF;
      const verdict = failed(detail === STOPPED.failed ? 'killed' : 'panicked', 'never');
      return verdict.verdict === 'nothing' ? OFF : verdict;
    }
    case LIFECYCLE.undefined:
      return known?.power === 'on' ? NOTHING : { verdict: 'gone' };
    default:
      return NOTHING;
  }
}

/** What a listing says of a domain; no state: it is not in the listing. */
export interface Listed {
  readonly id: number;
  readonly state: DomainState | undefined;
  /** `reconnect`: nobody watched before this listing. */
  readonly after: 'reconnect' | 'resync';
}

const isBlameless = (reason: number): boolean => !Object.values<number>(SHUTOFF).includes(reason);
const isFailedReason = (reason: number): boolean => reason === SHUTOFF.crashed || reason === SHUTOFF.failed;

/** Whether the log of the domain has to be read before `judgeListed`. */
export function needsLog(known: KnownDomain | undefined, { state, after }: Listed): boolean {
  if (known?.power === 'on')
    return state === undefined || (state.state === STATE.shutoff && !isBlameless(state.reason));
  return (
    known?.power === 'off' && after === 'reconnect' && state?.state === STATE.shutoff && isFailedReason(state.reason)
  );
}

export function judgeListed(known: KnownDomain | undefined, listed: Listed, ending: LogEnding | undefined): Verdict {
  const { state, id } = listed;
  if (state === undefined)
    return known?.power === 'on' ? judgeEnd(known, SHUTOFF.unknown, ending) : { verdict: 'gone' };
  const stands = (kind: FailureKind): Verdict =>
    isReported(known, id, kind)
      ? { verdict: 'on', life: id }
      : { verdict: 'failed', kind, life: id, certainty: 'certain', mends: 'maybe' };
  switch (state.state) {
    case STATE.running:
    case STATE.blocked:
      return { verdict: 'running', life: id };
    case STATE.crashed:
      return stands('panicked');
    case STATE.paused:
      if (state.reason === PAUSED.ioError) return stands('io-error');
      if (state.reason === PAUSED.watchdog) return stands('watchdog');
      if (state.reason === PAUSED.crashed) return stands('panicked');
      return { verdict: 'on', life: id };
    case STATE.shutoff:
      if (known?.power === 'on') return judgeEnd(known, state.reason, ending);
      return isFailedReason(state.reason) ? judgeOldEnd(known, listed, ending) : OFF;
    default:
      return { verdict: 'on', life: id };
  }
}

/** It was on and is off. */
function judgeEnd(known: KnownDomain, reason: number, written: LogEnding | undefined): Verdict {
  if (isBlameless(reason)) return OFF;
  if (isReported(known, known.life, 'killed')) return OFF;
  // The log may end with an earlier life: then it does not know how this one ended.
  const ending = written !== undefined && written.at >= known.at ? written : undefined;
  const killed = (certainty: 'certain' | 'uncertain'): Verdict => ({
    verdict: 'failed',
    kind: 'killed',
    life: known.life,
    ...(ending && { at: ending.at }),
    certainty,
    mends: 'never',
  });
  if (reason === SHUTOFF.crashed || ending?.reason === 'crashed') return killed('certain');
  // `failed` stands as well after a start that did not succeed, which is the matter of whoever started it.
  if (reason === SHUTOFF.failed || ending?.reason === 'failed') return killed('uncertain');
  if (ending !== undefined && ending.reason !== 'unknown' && ending.reason !== 'daemon') return OFF;
  return { verdict: 'failed', kind: 'unexplained', life: known.life, certainty: 'uncertain', mends: 'never' };
}

/** It is off with a reason that tells of a failure, and was not seen on: an old failure, or one of a life that nobody saw. */
function judgeOldEnd(known: KnownDomain | undefined, listed: Listed, ending: LogEnding | undefined): Verdict {
  const failed = { verdict: 'failed', kind: 'killed', mends: 'never' } as const;
  if (known === undefined) return { ...failed, life: -1, certainty: 'uncertain' };
  const isNew = listed.after === 'reconnect' && ending !== undefined && ending.at > known.at;
  // Its life had an id that nobody knows; -1 is not the one whose failures were reported.
  if (isNew && ending.reason === 'crashed') return { ...failed, life: -1, at: ending.at, certainty: 'certain' };
  return OFF;
}
