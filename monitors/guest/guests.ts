/** What the guest monitor asks of the hypervisor: one look at every instance that runs here. */

import type { Control } from '../libvirt/domains.ts';
import type { Answer } from './liveness.ts';

export interface GuestSight {
  readonly uuid: string;
  readonly name: string;
  /** libvirt's id of this run of the domain. */
  readonly domainId: number;
  /** `not asked`: it has no channel for an agent, or the option `guests` leaves it out. */
  readonly answer: Answer | 'not asked';
  /** Undefined when it was not asked about. */
  readonly control: Control | undefined;
  /** When that was read, milliseconds of `performance.now()`: an agent may keep the look waiting afterwards. */
  readonly controlAt: number;
  /** For the log and for `--once`. */
  readonly detail: string;
}

export interface Guests {
  /** Throws when nothing can be seen. */
  look(signal: AbortSignal): Promise<readonly GuestSight[]>;
  /** One instance; undefined when it does not run here. */
  lookAt(uuid: string, signal: AbortSignal): Promise<GuestSight | undefined>;
  close(): void;
}
