/** Patterns of names in the files of a scenario: `compute-[1-3]` names compute-1, compute-2 and compute-3. Pure. */

const PATTERN = /^([^[\]]*)\[(\d+)-(\d+)\]([^[\]]*)$/;
const MOST = 100_000;

/** The names of a pattern, in their order; a name without brackets is one. */
export function namesOf(pattern: string): readonly string[] {
  const [, before = '', first = '', last = '', after = ''] = PATTERN.exec(pattern) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (first === '' || to < from || to - from >= MOST) return [pattern];
  return Array.from({ length: to - from + 1 }, (_, index) => `${before}${from + index}${after}`);
}
