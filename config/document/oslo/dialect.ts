/**
 * Which files and sections follow the rules of oslo.config, and which our own.
 *
 * A file of Masakari may hold sections of ours too, and sections of tasks: these follow our rules in every file. Any other section
 * may belong to a task; a problem in it counts only if a task uses it.
 */

import { effectlessSectionHint, MASAKARI_SECTIONS } from '../../options/masakari.ts';
import { OPTION_SECTIONS } from '../../options/read-options.ts';
import { SEGMENT_SECTION } from '../../options/segments.ts';
import { FLOWS_SECTION } from '../../pipelines/pipelines.ts';

/** `lists`: our rules, which accept each spelling of task lists, and `NAME: VALUE` as oslo.config does. */
export type Rules = 'own' | 'lists' | 'oslo';

export interface SectionRules {
  /** In small letters where it is Masakari's: oslo.config accepts the names of sections in any case, except for DEFAULT. */
  readonly name: string;
  readonly rules: Rules;
  /** Neither Masakari nor this program has such a section: it is that of a task, or unknown. */
  readonly isForeign: boolean;
}

/** Of a file that Masakari reads. */
export interface Dialect {
  /** Neither the name of the file nor a section shows whose it is. */
  readonly isGuess: boolean;
  sectionOf(name: string): SectionRules;
}

/** Undefined: the file follows our own rules throughout. */
export function dialectOf(path: string, lines: readonly string[]): Dialect | undefined {
  const owner = ownerByName(path) ?? ownerByContent(lines);
  if (owner === 'ours') return undefined;
  if (owner === 'masakari') return { isGuess: false, sectionOf };
  // An unknown section may be a slip in a file of ours.
  return { isGuess: true, sectionOf: (name) => ({ ...sectionOf(name), isForeign: false }) };
}

const MASAKARI_FOLDER = /^masakari(-?monitors)?(\.conf\.d)?$/;

function ownerByName(path: string): 'ours' | 'masakari' | undefined {
  const folders = path.split('/');
  const name = folders.pop() ?? '';
  if (name.startsWith('recovery-agent')) return 'ours';
  if (name.startsWith('masakari') || name.includes('custom-recovery-methods')) return 'masakari';
  if (folders.some((folder) => MASAKARI_FOLDER.test(folder))) return 'masakari';
  return folders.includes('recovery-agent') ? 'ours' : undefined;
}

function ownerByContent(lines: readonly string[]): 'ours' | 'guess' {
  const names = lines.flatMap((line) => /^\[([^\]]+)\]/.exec(line)?.[1] ?? []);
  if (names.some(isOurs)) return 'ours';
  return names.some((name) => sectionOf(name).rules !== 'own') ? 'guess' : 'ours';
}

function isOurs(name: string): boolean {
  const isSegment = name.split(/\s+/)[0] === SEGMENT_SECTION;
  return isSegment || (OPTION_SECTIONS.has(name) && !MASAKARI_SECTIONS.has(name));
}

function sectionOf(written: string): SectionRules {
  const lower = written.toLowerCase();
  const name = lower === 'default' || isOurs(written) ? written : lower;
  if (name === FLOWS_SECTION) return { name, rules: 'lists', isForeign: false };
  if (MASAKARI_SECTIONS.has(name) || effectlessSectionHint(name) !== undefined) {
    return { name, rules: 'oslo', isForeign: false };
  }
  return { name: written, rules: 'own', isForeign: !isOurs(written) };
}
