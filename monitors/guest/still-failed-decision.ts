/** Is what a report of a guest said still so? Pure. Without certainty the answer is `unknown`, never `over`. */
import type { Recheck } from '../monitor.ts';
import type { GuestSight } from './guests.ts';
import type { Memory, WatchPolicy } from './watch.ts';

/** @param sight what is seen now; undefined when the instance does not run here. */
export function stillFailed(sight: GuestSight | undefined, memory: Memory, policy: WatchPolicy): Recheck {
  if (sight === undefined) return 'over';
  const { life, hang } = memory;
  const knownId = life?.domainId ?? hang?.domainId;
  // It was started anew since.
  if (knownId !== undefined && knownId !== sight.domainId) return 'over';
  if (hang?.isTold && policy.hungQemu === 'report' && sight.control?.state === 'occupied') return 'still';
  if (sight.answer === 'answered') return 'over';
  // A channel that was closed since: the guest boots again.
  if (sight.answer === 'disconnected' && policy.disconnected === 'ignore') return 'over';
  const isFailing = sight.answer === 'silent' || sight.answer === 'disconnected';
  // Only of a run that this monitor itself saw fail: another one may have just begun to boot.
  const wasFailing = life?.phase.name === 'error' || life?.phase.name === 'reported';
  return isFailing && wasFailing ? 'still' : 'unknown';
}
