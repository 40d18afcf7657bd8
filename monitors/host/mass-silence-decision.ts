/**
 * Decides which hosts fell silent together. Pure.
 *
 * Invariant: whether hosts fell silent together depends only on the time of the last response of each. The result therefore
 * stays the same while they are silent, and an old failure never makes a new one appear small or large. If most hosts are
 * silent from the same moment on, a fault of this node (switch, cable, firewall, paused machine) is more likely than the death of
 * all; no host is taken for down then.
 */

/** The last response of each host; without one, the start of the watch. Any clock that only rises: milliseconds, polls. */
export type LastReceived = ReadonlyMap<string, number>;

export interface SilenceRule {
  /** Hosts whose silence began within this time of each other fell silent together; in the unit of `LastReceived`. */
  readonly window: number;
  /** More than this share of the hosts that responded until then is a mass silence. Per cent. */
  readonly sharePercent: number;
}

/**
 * Of `quiet`, the hosts that fell silent together with so many others that their state is unknown. Quiet are those that should
 * have responded again by now, also those that are not silent for long enough to be taken for down: the first of many must not
 * be taken for down in the moment before the others are.
 */
export function massSilence(
  lastReceivedAt: LastReceived,
  quiet: Iterable<string>,
  rule: SilenceRule,
): ReadonlySet<string> {
  const all = [...lastReceivedAt.values()].sort((a, b) => a - b);
  const ends = Array.from(quiet, (host) => ({ host, at: lastReceivedAt.get(host) ?? Number.NEGATIVE_INFINITY }));
  const sorted = ends.map(({ at }) => at).sort((a, b) => a - b);
  const together = new Set<string>();
  for (const { host, at } of ends) {
    const begin = at - rule.window;
    const end = at + rule.window;
    const group = countUntil(sorted, (time) => time <= end) - countUntil(sorted, (time) => time < begin);
    const audible = all.length - countUntil(all, (time) => time < begin);
    // One host alone is no mass, for any number of hosts.
    if (group >= 2 && group * 100 > audible * rule.sharePercent) together.add(host);
  }
  return together;
}

/** The number of values at the start of a sorted list that are early. */
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
