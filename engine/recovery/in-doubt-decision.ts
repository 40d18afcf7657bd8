/**
 * Checks the outcomes that an operator states for tasks in doubt: which are required, which are allowed, and their effect on the steps.
 * Pure.
 */

export type InDoubtDecision = 'done' | 'not done';

/** @param open names of the tasks in doubt. Undefined: each has a stated outcome, and no other task has one */
export function faultOfOperatorDecisions(
  recovery: string,
  open: ReadonlySet<string>,
  decisions: ReadonlyMap<string, InDoubtDecision>,
): string | undefined {
  for (const name of decisions.keys()) {
    if (!open.has(name)) return `task ${name} of ${recovery} is not in doubt${listOf([...open])}`;
  }
  const unsaid = [...open].filter((name) => !decisions.has(name));
  if (unsaid.length === 0) return undefined;
  const how = unsaid.map((name) => `--done ${name} or --not-done ${name}`).join(', ');
  return `outcome of ${unsaid.join(', ')} is unknown; find out whether it was done and state ${how}`;
}

function listOf(names: readonly string[]): string {
  return names.length === 0 ? '; no task of it is' : `; these are: ${names.join(', ')}`;
}
