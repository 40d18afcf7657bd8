/** What an operator says of tasks in doubt: which must be said, which may, and what it means for their steps. Pure. */

export type DoubtVerdict = 'done' | 'not done';

/** @param open names of the tasks in doubt. Undefined: each has a verdict, and no other task has one */
export function faultOfVerdicts(
  recovery: string,
  open: ReadonlySet<string>,
  verdicts: ReadonlyMap<string, DoubtVerdict>,
): string | undefined {
  for (const name of verdicts.keys()) {
    if (!open.has(name)) return `task ${name} of ${recovery} is not in doubt${listOf([...open])}`;
  }
  const unsaid = [...open].filter((name) => !verdicts.has(name));
  if (unsaid.length === 0) return undefined;
  const how = unsaid.map((name) => `--done ${name} or --not-done ${name}`).join(', ');
  return `whether ${unsaid.join(', ')} was done is not known; find out and say ${how}`;
}

function listOf(names: readonly string[]): string {
  return names.length === 0 ? '; no task of it is' : `; these are: ${names.join(', ')}`;
}
