/** The result of a run of a simulation in words: the operator actions, and whether the engine kept its guarantees. Pure. */
import { CLOSED_STATUSES } from '#protocol/notification-status.ts';
import type { ProgramCall } from './program-calls.ts';

export interface Facts {
  /** Of the notification; anything but finished, ignored and failed is no end. */
  readonly status: string;
  readonly message: string | null;
  /** taskflow's state of each flow, oldest first. */
  readonly flows: readonly string[];
  readonly recovered: number;
  readonly total: number;
  /** Evacuations that were requested during another one of the same instance, or after it had left; and migrations. */
  readonly duplicateEvacuations: number;
  /** Custom tasks of kind `once` that were done more than once. */
  readonly repeated: readonly string[];
  /** Tasks that failed and were done in no flow. */
  readonly notDone: readonly string[];
  /** Tasks with an unknown outcome. */
  readonly doubts: readonly string[];
}

const ENDS: readonly string[] = CLOSED_STATUSES;
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

/** The operator actions after the run; null if there are none. */
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
    const remedy = flows.includes('REVERT_FAILURE')
      ? 'undo by hand what the rollback left, fix the cause'
      : 'fix the cause';
    return `${remedy}, then retry`;
  }
  // The flow continued without it, or a second flow had no work left and ended before it.
  const undone = notDone.filter((task) => !doubts.includes(task));
  const missed = undone.length > 0 ? `do the work of ${undone.join(', ')} by hand` : undefined;
  // Only a failed recovery is retried.
  const open =
    doubts.length > 0 ? `find out whether ${doubts.join(', ')} was done; there is nothing to retry` : undefined;
  const parts = [open, missed, moved].filter((part) => part !== undefined);
  return parts.length === 0 ? null : parts.join('; ');
}

/**
 * The fault of a run with real programs, apart from the work of the engine; null: none. A program that failed in
 * a flow which continued has no fault, because its definition allows it.
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
