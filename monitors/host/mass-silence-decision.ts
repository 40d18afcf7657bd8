/**
 * Which hosts fell silent together. Pure.
 *
 * Invariant: whether hosts fell silent together depends on when each was last heard and on nothing else, so the answer
 * stays the same for as long as they are silent, and an old failure never makes a new one look small or large. If most hosts are
 * silent from the same moment on, it is more likely that we are deaf (switch, cable, firewall, paused machine) than that all of
 * them died; nobody is taken for down then.
 */

/** Each host and when it was last heard; for one that never was, since when we listen. Any clock that only rises: milliseconds, looks. */
export type LastHeard = ReadonlyMap<string, number>;

export interface SilenceRule {
  /** Hosts whose silence began within this time of each other fell silent together; in the unit of `LastHeard`. */
  readonly window: number;
  /** More than this share of the hosts that could be heard until then is a mass silence. Per cent. */
  readonly sharePercent: number;
}

/**
 * Of `quiet`, those that fell silent together with so many others that nothing can be said of them. Quiet are those that
 * should have been heard again by now, also those that are not silent for long enough to be taken for down: the first of
 * many must not be taken for down in the moment before the others are.
 */
export function massSilence(lastHeard: LastHeard, quiet: Iterable<string>, rule: SilenceRule): ReadonlySet<string> {
  const all = [...lastHeard.values()].sort((a, b) => a - b);
  const ends = Array.from(quiet, (host) => ({ host, at: lastHeard.get(host) ?? Number.NEGATIVE_INFINITY }));
  const sorted = ends.map(({ at }) => at).sort((a, b) => a - b);
  const together = new Set<string>();
  for (const { host, at } of ends) {
    const begin = at - rule.window;
    const end = at + rule.window;
    const group = countUntil(sorted, (time) => time <= end) - countUntil(sorted, (time) => time < begin);
    const audible = all.length - countUntil(all, (time) => time < begin);
    // One host alone is no mass, however few there are.
    if (group >= 2 && group * 100 > audible * rule.sharePercent) together.add(host);
  }
  return together;
}

/** How many values at the beginning of a sorted list are early. */
function countUntil(sorted: readonly number[], isEarly: (time: number) => boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const time = sorted[middle];
    if (time !== undefined && isEarly(time)) low = middle + 1;
    else high = middle;
  }
  return low;
}
