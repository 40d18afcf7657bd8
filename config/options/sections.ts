/** Which sections there are besides those of tasks. */

import { nearest } from '../document/nearest.ts';
import { FLOWS_SECTION } from '../pipelines/pipelines.ts';
import { isProofSection } from './proofs.ts';
import { OPTION_SECTIONS } from './read-options.ts';
import { SEGMENT_SECTION } from './segments.ts';

export function isKnownSection(name: string): boolean {
  const [word = ''] = name.split(/\s+/);
  return OPTION_SECTIONS.has(name) || name === FLOWS_SECTION || word === SEGMENT_SECTION || isProofSection(name);
}

/** What an unknown section should perhaps have been called; for the end of a message. */
export function meantSection(name: string, tasks: Iterable<string>): string {
  const [word = '', ...rest] = name.split(/\s+/);
  if (nearest(word, [SEGMENT_SECTION]) !== undefined) {
    return `; did you mean [${[SEGMENT_SECTION, ...(rest.length > 0 ? rest : ['NAME'])].join(' ')}]?`;
  }
  const meant = nearest(name, [...OPTION_SECTIONS, FLOWS_SECTION, ...tasks]);
  return meant === undefined ? '; it is neither known nor a task of any list' : `; did you mean [${meant}]?`;
}
