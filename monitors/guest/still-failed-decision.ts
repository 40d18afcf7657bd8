/** Decides whether a reported failure of a guest still holds. Pure. Without certainty it returns `unknown`, never `over`. */
import type { Recheck } from '../service/monitor.ts';
import type { GuestReading } from './guests.ts';
import type { Memory, WatchPolicy } from './watch.ts';

/** `sight` is the current state, undefined if the instance does not run on this host. */
export function stillFailed(observation: GuestReading | undefined, memory: Memory, policy: WatchPolicy): Recheck {
  if (observation === undefined) return 'over';
  const { life, hang } = memory;
  const knownId = life?.domainId ?? hang?.domainId;
  // It was started again since the report.
  if (knownId !== undefined && knownId !== observation.domainId) return 'over';
  if (hang?.isReported && policy.hungQemu === 'report' && observation.control?.state === 'occupied') return 'still';
  if (observation.answer === 'answered') return 'over';
  // Its channel was closed since the report: the guest boots again.
  if (observation.answer === 'disconnected' && policy.disconnected === 'ignore') return 'over';
  const isFailing = observation.answer === 'silent' || observation.answer === 'disconnected';
  // Only for a run whose failure this monitor itself detected: another run may have just started to boot.
  const wasFailing = life?.phase.name === 'error' || life?.phase.name === 'reported';
  return isFailing && wasFailing ? 'still' : 'unknown';
}
