/** The word that the operator most likely meant. */

/** Longer words are not compared: a misspelling of that length is unlikely, and the comparison is quadratic. */
const LONGEST_WORD = 128;

/**
 * How many letters must be inserted, removed, replaced or swapped with their neighbour to turn one word into the other
 * (Levenshtein's distance with swaps, "optimal string alignment").
 */
export function distance(from: string, to: string): number {
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const replaced = (row[j] ?? 0) + (from[i] === to[j] ? 0 : 1);
      const swapped = i > 0 && j > 0 && from[i] === to[j - 1] && from[i - 1] === to[j];
      const swap = swapped ? (before[j - 1] ?? 0) + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(replaced, swap, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    before = row;
    row = next;
  }
  return row[to.length] ?? 0;
}

/** The candidate nearest to `word`, ignoring case, unless more than a third of its letters would have to change. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > LONGEST_WORD) return undefined;
  let best: { readonly word: string; readonly letters: number } | undefined;
  for (const candidate of candidates) {
    const allowed = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    if (Math.abs(word.length - candidate.length) > allowed) continue;
    const letters = distance(word.toLowerCase(), candidate.toLowerCase());
    if (letters <= allowed && (best === undefined || letters < best.letters)) best = { word: candidate, letters };
  }
  return best?.word;
}

/** `; did you mean "verify_interval"?`, or nothing. For the end of a message. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const meant = nearest(word, candidates);
  return meant === undefined ? '' : `; did you mean "${meant}"?`;
}
