/** Is a failure that shows in the state of its domain still so, by what libvirt says now? Pure. */
import { STATE } from '../libvirt/constants.ts';
import { type DomainState, isRunning } from '../libvirt/domains.ts';
import { type Failure, isDeath } from './failure.ts';

/** `gone`: there is no such domain. `lost`: libvirt cannot be asked. */
export type LibvirtNow = DomainState | 'gone' | 'lost';

/** `ended`: it is, and there is no process any more. `runs`: it runs again. `no`: it is not the failure it was. */
export type StillSo = 'yes' | 'ended' | 'runs' | 'no';

/** @param isEnded whether it was told meanwhile that its process ended */
export function stillSo({ kind, mends }: Failure, isEnded: boolean, now: LibvirtNow): StillSo {
  if (now === 'lost' || now === 'gone') {
    // An end stays an end. What stands still is listed again when libvirtd is back, and found again then.
    return mends === 'never' || isEnded ? 'yes' : 'no';
  }
  const isDown = now.state === STATE.shutoff || now.state === STATE.crashed || now.state === STATE.shutdown;
  // Somebody starts it again, if it has not come further than that.
  if (isRunning(now) || (mends === 'never' && !isDown)) return 'runs';
  if (now.state !== STATE.shutoff) return 'yes';
  return isDeath(kind) ? 'ended' : 'no';
}
