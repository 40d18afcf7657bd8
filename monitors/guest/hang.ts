/**
 * When does a QEMU hang? Pure: libvirt says how long QEMU has left one command of libvirt unanswered.
 *
 * Invariant: each hang is told once; a QEMU that answered in between and hangs again is a hang of its own.
 */
import type { Control } from './libvirt/domains.ts';

export interface Hang {
  readonly domainId: number;
  /** When the unanswered command was sent, milliseconds of the monitor's clock. */
  readonly since: number;
  readonly isTold: boolean;
}

export interface HangJudgement {
  readonly hang: Hang | undefined;
  readonly verdict: 'nothing' | 'hangs' | 'answers again';
}

/** libvirt's clock and ours may differ by so much between two looks; more is another command. Milliseconds. */
const SAME_COMMAND_MS = 3000;

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
  const isSame = known !== undefined && Math.abs(since - known.since) <= SAME_COMMAND_MS;
  const hang: Hang = isSame ? known : { domainId, since, isTold: false };
  return { hang, verdict: !hang.isTold && now - hang.since > afterMs ? 'hangs' : 'nothing' };
}

export function told(hang: Hang): Hang {
  return { ...hang, isTold: true };
}
