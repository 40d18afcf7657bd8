/**
 * Which fencings in the cluster's history are news. Pure.
 *
 * Invariant: a fencing is news once, whatever clock its time is of and however often the nodes exchange their histories. What the
 * history shows the first time a host is seen is known: nothing tells what became of it.
 */

/**
 * The history of fencing is kept by each node, and what one learns from another may have another node's clock: a fencing
 * that is this little apart from one that was reported is that one. Milliseconds.
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
