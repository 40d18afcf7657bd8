/**
 * The proof of a death that travels beside a notification, whose form is Masakari's and has no place for it.
 *
 * Invariant: an unknown proof is no proof, and no reason to refuse the report.
 */
import * as v from 'valibot';

/** `fencing`: the watcher of the host saw that it was fenced, or that it has no power. */
export type ReportedProof = 'none' | 'fencing';

const proofSchema = v.fallback(v.picklist(['none', 'fencing']), 'none');

/** Reads what a monitor sent or an outbox holds, also of another version. */
export function readProof(value: unknown): ReportedProof {
  return v.parse(proofSchema, value);
}
