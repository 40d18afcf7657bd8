/** Decides from libvirt's current state whether a failure still holds. Pure. */
import { STATE } from '../libvirt/constants.ts';
import { type DomainState, isRunning } from '../libvirt/domains.ts';
import { type Failure, isDeath } from './failure.ts';

/** `gone`: there is no such domain. `lost`: libvirt cannot be queried. */
export type LibvirtNow = DomainState | 'gone' | 'lost';

/** `ended`: it holds, and the process has ended. `runs`: the instance runs again. `no`: it is no longer this failure. */
export type StillSo = 'yes' | 'ended' | 'runs' | 'no';

/** @param isEnded an event has reported the end of its process since */
export function stillSo({ kind, recovers }: Failure, isEnded: boolean, now: LibvirtNow): StillSo {
  if (now === 'lost' || now === 'gone') {
    // An end is final. A stopped guest is listed again when libvirtd is back, and detected then.
    return recovers === 'never' || isEnded ? 'yes' : 'no';
  }
  const isDown = now.state === STATE.shutoff || now.state === STATE.crashed || now.state === STATE.shutdown;
  // A death is over also while the domain is being started again.
  if (isRunning(now) || (recovers === 'never' && !isDown)) return 'runs';
  if (now.state !== STATE.shutoff) return 'yes';
  return isDeath(kind) ? 'ended' : 'no';
}
