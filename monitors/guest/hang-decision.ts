/**
 * Decides when a QEMU hangs. Pure. libvirt returns for how long QEMU has not responded to one of libvirt's commands.
 *
 * Invariant: each hang is reported once. If a QEMU responds and hangs again, that is a second hang.
 */
import type { Control } from '../libvirt/domains.ts';

export interface Hang {
  readonly domainId: number;
  /** When the unanswered command was sent, milliseconds of the monitor's clock. */
  readonly since: number;
  /** When the missing response was last read, on the same clock. */
  readonly seenAt: number;
  readonly isReported: boolean;
}

export interface HangDecision {
  readonly hang: Hang | undefined;
  readonly outcome: 'nothing' | 'hangs' | 'responds again';
}

/** @param now when `control` was read, milliseconds of a clock that is never set. */
export function decideQemu(
  before: Hang | undefined,
  domainId: number,
  control: Control | undefined,
  afterMs: number,
  now: number,
): HangDecision {
  const known = before?.domainId === domainId ? before : undefined;
  if (control === undefined) return { hang: known, outcome: 'nothing' };
  if (control.state === 'ok' || control.state === 'job') {
    return { hang: undefined, outcome: known?.isReported ? 'responds again' : 'nothing' };
  }
  // If libvirt has lost QEMU's monitor, it does not return since when.
  const since = control.state === 'occupied' ? now - control.forMs : (known?.since ?? now);
  // A later command is sent only after this one was last found unanswered. A slow response of libvirt is no later command.
  const isSame = known !== undefined && since <= known.seenAt;
  const hang: Hang = isSame ? { ...known, seenAt: now } : { domainId, since, seenAt: now, isReported: false };
  return { hang, outcome: !hang.isReported && now - hang.since > afterMs ? 'hangs' : 'nothing' };
}

export function received(hang: Hang): Hang {
  return { ...hang, isReported: true };
}
