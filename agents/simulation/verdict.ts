/** What a run of a simulation came to, in words: what a person has to do, and whether the engine kept its promises. Pure. */

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
  readonly undone: readonly string[];
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
  const { status, flows, recovered, total, undone, doubts } = facts;
  if (!isGood(facts)) return 'report this: it is a fault of the engine';
  const left = total - recovered;
  const moved = left > 0 ? `${left} of ${total} instances are not recovered` : undefined;
  if (doubts.length > 0) {
    const words = doubts.map((task) => `--done ${task} or --not-done ${task}`).join(', ');
    return `find out whether it was done, then retry with ${words}`;
  }
  if (status === 'failed') {
    const mend = flows.includes('REVERT_FAILURE') ? 'take back what could not be, mend the cause' : 'mend the cause';
    return `${mend}, then retry`;
  }
  // The flow went on without it, or a second one had nothing left to do and ended before it.
  const missed = undone.length > 0 ? `see to what ${undone.join(', ')} did not do` : undefined;
  const parts = [missed, moved].filter((part) => part !== undefined);
  return parts.length === 0 ? null : parts.join('; ');
}
