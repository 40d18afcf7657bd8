/**
 * Programs that prove deaths, in sections [proof NAME].
 *
 * Such a section is a definition of an executable task with three more options: the same contract, the same parameters and secrets.
 */
import type { DocumentSection } from '../document/parsed-document.ts';
import { errorAt, type Problem } from '../document/problem.ts';
import { choice, flag, seconds } from '../options/kinds.ts';
import { isProofSection, PROOF_KINDS, PROOF_SECTION, type ProofKind } from '../options/proofs.ts';
import { type Sections, valueIn } from '../options/read-options.ts';
import type { CustomSection } from './task-definition.ts';
import { POLICY_OPTIONS } from './task-policies.ts';

/** A program that finds out, or brings about, that a host is dead. */
export interface ProofProgram {
  readonly kind: ProofKind;
  readonly timeoutMs: number;
  /** Whether it changes the host (fences it) instead of only reading its state. */
  readonly acts: boolean;
  readonly section: CustomSection;
}

const KIND = choice('kind', 'power_off', PROOF_KINDS, 'What the program shows when it reports that a host is dead.');
const TIMEOUT = seconds('timeout', 60, [1, 3600], 'Upper bound of one run; a run that takes longer shows nothing.');
const ACTS = flag('acts', false, 'The program fences the host. It runs only while Nova shows the host down.');
/** The options of such a section besides those of an executable task. */
export const PROOF_OPTIONS = [KIND, TIMEOUT, ACTS] as const;
/** Options of tasks that have no meaning for a proof. */
const FORBIDDEN = [
  ...['driver', 'provides', 'requires', 'after_crash', 'undo', 'when'],
  ...POLICY_OPTIONS.map(({ name }) => name).filter((name) => name !== TIMEOUT.name),
];
/** The values that its command and its parameters may contain. */
export const PROOF_INPUTS: readonly string[] = ['host_name', 'notification_uuid'];

/** @param read `readCustomTask` is the real one */
export function readProofs(
  sections: Sections,
  read: (section: DocumentSection, problems: Problem[]) => CustomSection | undefined,
  problems: Problem[],
): ReadonlyMap<string, ProofProgram> {
  const proofs = new Map<string, ProofProgram>();
  for (const section of sections.values()) {
    if (!isProofSection(section.name)) continue;
    const name = section.name.slice(PROOF_SECTION.length).trim();
    if (!/^[\w.-]{1,64}$/.test(name)) {
      const rule = 'letters, digits, "_", "." and "-", at most 64';
      problems.push(errorAt(section.at, `a proof needs a name of ${rule}: [${PROOF_SECTION} NAME]`));
      continue;
    }
    for (const option of FORBIDDEN.flatMap((word) => section.options.get(word) ?? [])) {
      problems.push(errorAt(option.at, `a proof has no option "${option.name}": it is always an executable`));
    }
    const kind = valueIn(section, KIND, problems);
    const timeoutMs = valueIn(section, TIMEOUT, problems) ?? TIMEOUT.fallback;
    const acts = valueIn(section, ACTS, problems) ?? ACTS.fallback;
    if (!section.options.has(KIND.name)) {
      problems.push(errorAt(section.at, `proof "${name}" needs the option "kind": ${KIND.takes}`));
    }
    const task = read(asTask(section), problems);
    for (const { steps, at } of task?.references ?? []) {
      const value = String(steps[0]);
      if (PROOF_INPUTS.includes(value)) continue;
      problems.push(errorAt(at, `a proof has no value "${value}"; it has ${PROOF_INPUTS.join(' and ')}`));
    }
    if (task !== undefined && kind !== undefined) proofs.set(name, { kind, timeoutMs, acts, section: task });
  }
  return proofs;
}

/** The section without the options of proofs: the definition of a program. */
function asTask(section: DocumentSection): DocumentSection {
  const own = new Set<string>([...PROOF_OPTIONS.map(({ name }) => name), ...FORBIDDEN]);
  return { ...section, options: new Map([...section.options].filter(([name]) => !own.has(name))) };
}
