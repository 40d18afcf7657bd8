/**
 * The proof of a death that is sent beside a notification, whose format is Masakari's and has no field for it.
 *
 * Invariant: an unknown proof is no proof, and no reason to refuse the report.
 */
import * as v from 'valibot';

/** `fencing`: the watcher of the host detected that it was fenced, or that it has no power. */
export type ReportedProof = 'none' | 'fencing';

const proofSchema = v.fallback(v.picklist(['none', 'fencing']), 'none');

/** Reads the proof of a monitor or of a file in an outbox, also of another version. */
export function readProof(value: unknown): ReportedProof {
  return v.parse(proofSchema, value);
}
