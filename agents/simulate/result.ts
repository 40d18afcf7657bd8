/** What a run of a simulation came to, in words: what a person has to do, and whether the engine kept its promises. Pure. */
import type { ProgramCall } from './program-calls.ts';

export interface Facts {
  /** Of the notification; anything but finished, ignored and failed is no end. */
  readonly status: string;
  readonly message: string | null;
  /** taskflow's word for each flow, oldest first. */
  readonly flows: readonly string[];
  readonly recovered: number;
  readonly total: number;
  /** Evacuations that were asked for while another one of the same instance went on, or after it had left; and migrations. */
  readonly duplicateEvacuations: number;
  /** Custom tasks of kind `once` that were done more than once. */
  readonly repeated: readonly string[];
  /** Tasks that failed and were done in no flow. */
  readonly notDone: readonly string[];
  /** Tasks of which nobody knows whether they were done. */
  readonly doubts: readonly string[];
}

const ENDS: readonly string[] = ['finished', 'ignored', 'failed'];
const OPEN_FLOWS: readonly string[] = ['RUNNING', 'REVERTING'];

/** Whether the run ended in a state that is defined, and nothing was done twice that must not be. */
export function isGood({ status, flows, duplicateEvacuations, repeated }: Facts): boolean {
  return (
    ENDS.includes(status) &&
    !flows.some((state) => OPEN_FLOWS.includes(state)) &&
    duplicateEvacuations === 0 &&
    repeated.length === 0
  );
}

/** What a person has to do afterwards; null when nothing. */
export function toDo(facts: Facts): string | null {
  const { status, flows, recovered, total, notDone, doubts } = facts;
  if (!isGood(facts)) return 'report this: it is a fault of the engine';
  const left = total - recovered;
  const moved = left > 0 ? `${left} of ${total} instances are not recovered` : undefined;
  const isOver = status === 'finished' || status === 'ignored';
  if (doubts.length > 0 && !isOver) {
    const words = doubts.map((task) => `--done ${task} or --not-done ${task}`).join(', ');
    return `find out whether it was done, then retry with ${words}`;
  }
  if (status === 'failed') {
    const mend = flows.includes('REVERT_FAILURE') ? 'take back what could not be, mend the cause' : 'mend the cause';
    return `${mend}, then retry`;
  }
  // The flow went on without it, or a second one had nothing left to do and ended before it.
  const undone = notDone.filter((task) => !doubts.includes(task));
  const missed = undone.length > 0 ? `see to what ${undone.join(', ')} did not do` : undefined;
  // Only a failed recovery is retried.
  const open =
    doubts.length > 0 ? `find out whether ${doubts.join(', ')} was done; there is nothing to retry` : undefined;
  const parts = [open, missed, moved].filter((part) => part !== undefined);
  return parts.length === 0 ? null : parts.join('; ');
}

/**
 * What went wrong in a run with programs that ran for real, beside what the engine did; null: nothing. A program that failed in
 * a flow which went on did no worse than its definition expects.
 */
export function faultOfPrograms({
  status,
  message,
  programs,
}: Pick<Facts, 'status' | 'message'> & {
  readonly programs: readonly Pick<ProgramCall, 'task' | 'call' | 'end' | 'message'>[];
}): string | null {
  if (status !== 'finished') return `ended ${status}${message === null ? '' : `: ${message}`}`;
  const ranWell = new Map(programs.filter(({ call }) => call === 'run').map(({ task, end }) => [task, end === 'done']));
  const isAsItMustBe = ({ task, call, end }: (typeof programs)[number]): boolean =>
    call === 'run' || end === 'done' || (call === 'check' && end === 'not done' && ranWell.get(task) === false);
  const bad = programs.find((one) => !isAsItMustBe(one));
  if (!bad) return null;
  const why = bad.end === 'not done' && bad.message === null ? 'though its run ended well' : bad.message;
  return `${bad.call} of ${bad.task}: ${bad.end}${why === null ? '' : `, ${why}`}`;
}
