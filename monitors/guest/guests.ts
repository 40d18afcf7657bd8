/** The guest monitor's view of the hypervisor: one poll reads every instance that runs on this host. */

import type { Control } from '../libvirt/domains.ts';
import type { Answer } from './guest-decision.ts';

export interface GuestReading {
  readonly uuid: string;
  readonly name: string;
  /** libvirt's id of this run of the domain. */
  readonly domainId: number;
  /** `not queried`: the instance has no channel for an agent, or the option `guests` excludes it. */
  readonly answer: Answer | 'not queried';
  /** Undefined if QEMU was not queried. */
  readonly control: Control | undefined;
  /** When `control` was read, milliseconds of `performance.now()`: an agent may delay the poll afterwards. */
  readonly controlAt: number;
  /** For the log and for `--once`. */
  readonly detail: string;
}

export interface Guests {
  /** Throws if libvirt cannot be read. */
  poll(signal: AbortSignal): Promise<readonly GuestReading[]>;
  /** Reads one instance; undefined if it does not run on this host. */
  readAt(uuid: string, signal: AbortSignal): Promise<GuestReading | undefined>;
  close(): void;
}
