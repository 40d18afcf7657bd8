/**
 * Decides which fencings in the cluster's history are new. Pure.
 *
 * Invariant: a fencing is new once, for any clock of its time and however often the nodes exchange their histories. The history at the
 * first poll of a host counts as known: the later state of the host is unknown.
 */

/**
 * Each node keeps the history of fencing, and entries that it receives from another node may have that node's clock: a fencing
 * that is this close to one that was reported is the same one. Milliseconds.
 */
export const SAME_FENCING_MS = 10_000;

/** As many as Pacemaker keeps of all nodes together (MAX_STONITH_HISTORY). */
const MAX_KNOWN = 500;

/** @param known in ascending order */
export function unknownFencings(fencings: readonly number[], known: readonly number[]): readonly number[] {
  const [oldest] = known.length < MAX_KNOWN ? [] : known;
  return fencings.filter((at) => {
    const isForgotten = oldest !== undefined && at < oldest;
    return !isForgotten && known.every((one) => Math.abs(one - at) > SAME_FENCING_MS);
  });
}

/** In ascending order. */
export function knownAfter(known: readonly number[], fencings: readonly number[]): readonly number[] {
  const fresh = unknownFencings(fencings, known);
  return fresh.length === 0 ? known : [...known, ...fresh].sort((a, b) => a - b).slice(-MAX_KNOWN);
}
