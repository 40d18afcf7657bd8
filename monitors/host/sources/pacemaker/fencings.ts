/**
 * Lists the fencings of a node in the history. Pure.
 *
 * Invariants: without quorum, or without a response of the fencer, the history is unknown, which differs from empty. An
 * operator's confirmation is no fencing: it is a statement, not a power cut. A fencing that has only just completed
 * does not count against a node that the same poll shows up: the cluster has not yet recorded its loss.
 */
import type { Finding, Sighting } from './facts.ts';
import { endsPower, HUMAN } from './outlived.ts';

/**
 * Until the cluster has recorded a fencing: a transition takes up to 1.5 s (measured), and the history knows whole seconds.
 * Milliseconds.
 */
const RECORDED_AFTER_MS = 5_000;

/** Completion times, milliseconds UTC; undefined when the history is not known. */
export function fencingsOf(
  node: string,
  { state }: Pick<Finding, 'state'>,
  { view, cib, now }: Pick<Sighting, 'view' | 'cib' | 'now'>,
): readonly number[] | undefined {
  if (!view.hasQuorum || !cib.hasQuorum || view.history === 'unreadable') return undefined;
  const times = view.fencing.flatMap((event) => {
    const isFencing = event.target === node && endsPower(event) && event.delegate !== HUMAN;
    return isFencing && event.completedAt !== undefined ? [event.completedAt] : [];
  });
  return state === 'up' ? times.filter((at) => Math.abs(now - at) > RECORDED_AFTER_MS) : times;
}
