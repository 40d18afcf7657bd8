/**
 * When does a QEMU hang? Pure: libvirt says how long QEMU has left one command of libvirt unanswered.
 *
 * Invariant: each hang is told once; a QEMU that answered in between and hangs again is a hang of its own.
 */
import type { Control } from '../libvirt/domains.ts';

export interface Hang {
  readonly domainId: number;
  /** When the unanswered command was sent, milliseconds of the monitor's clock. */
  readonly since: number;
  /** When it was last seen unanswered, on the same clock. */
  readonly seenAt: number;
  readonly isTold: boolean;
}

export interface HangJudgement {
  readonly hang: Hang | undefined;
  readonly verdict: 'nothing' | 'hangs' | 'answers again';
}

/** @param now when `control` was read, milliseconds of a clock that is never set. */
export function judgeQemu(
  before: Hang | undefined,
  domainId: number,
  control: Control | undefined,
  afterMs: number,
  now: number,
): HangJudgement {
  const known = before?.domainId === domainId ? before : undefined;
  if (control === undefined) return { hang: known, verdict: 'nothing' };
  if (control.state === 'ok' || control.state === 'job') {
    return { hang: undefined, verdict: known?.isTold ? 'answers again' : 'nothing' };
  }
  // Of a monitor that libvirt has lost it does not say since when.
  const since = control.state === 'occupied' ? now - control.forMs : (known?.since ?? now);
  // Another command can only have been sent after this one was last seen unanswered; a slow answer of libvirt is none.
  const isSame = known !== undefined && since <= known.seenAt;
  const hang: Hang = isSame ? { ...known, seenAt: now } : { domainId, since, seenAt: now, isTold: false };
  return { hang, verdict: !hang.isTold && now - hang.since > afterMs ? 'hangs' : 'nothing' };
}

export function told(hang: Hang): Hang {
  return { ...hang, isTold: true };
}
