/** Proofs of death: which ones there are, and which ones start the recovery of a host. */
import { choices, seconds } from './kinds.ts';

/** What shows that a host is dead, besides the word of an operator, which is always accepted. */
export const PROOF_KINDS = ['fencing', 'power_off', 'storage_fence', 'watchdog'] as const;
export type ProofKind = (typeof PROOF_KINDS)[number];

/** `silence`: a report is enough, and Nova's signs of life decide. */
export const ACCEPTED_PROOFS = [...PROOF_KINDS, 'silence'] as const;
export type AcceptedProof = (typeof ACCEPTED_PROOFS)[number];

/** A section of this name and a blank and the name of the proof. */
export const PROOF_SECTION = 'proof';
const DAY = 86_400;

export const acceptedProofs = choices(
  'accepted_proofs',
  ACCEPTED_PROOFS,
  'Proofs of death that start a recovery; with silence a report is enough.',
  ['silence'],
);

export const watchdogTimeoutMs = seconds(
  'watchdog_timeout',
  0,
  [0, DAY],
  'Time after a report in which the watchdog of a host has surely reset it: the proof watchdog. 0: hosts have no watchdog.',
);

export function isProofSection(name: string): boolean {
  return name.split(/\s+/)[0] === PROOF_SECTION;
}
