/**
 * The sections of all files together: a section of several files is one, and an option is given once. Only files of a folder
 * NAME.conf.d replace options of each other: see oslo/drop-ins.ts.
 */

import type { Sections } from '../options/read-options.ts';
import type { Document, DocumentOption, DocumentSection } from './parsed-document.ts';
import { errorAt, formatPosition, type Problem } from './problem.ts';

export function joinSections(documents: readonly Document[], problems: Problem[]): Sections {
  const sections = new Map<string, DocumentSection>();
  for (const section of documents.flatMap((document) => document.sections)) {
    const earlier = sections.get(section.name);
    if (earlier === undefined) sections.set(section.name, section);
    else {
      const options = new Map(earlier.options);
      for (const option of section.options.values()) addOnce(options, option, problems);
      sections.set(section.name, { ...combined(earlier, section), options });
    }
  }
  return sections;
}

/** A section of two places; of an option in both the later counts. */
export function combined(earlier: DocumentSection, later: DocumentSection): DocumentSection {
  return {
    name: earlier.name,
    at: earlier.at,
    options: new Map([...earlier.options, ...later.options]),
    unread: new Set([...earlier.unread, ...later.unread]),
    problems: [...(earlier.problems ?? []), ...(later.problems ?? [])],
    ...(earlier.isForeign && later.isForeign ? { isForeign: true } : {}),
  };
}

function addOnce(options: Map<string, DocumentOption>, option: DocumentOption, problems: Problem[]): void {
  const earlier = options.get(option.name);
  if (earlier === undefined) options.set(option.name, option);
  else {
    const message = `"${option.name}" is already set at ${formatPosition(earlier.at)}; remove one of the two`;
    problems.push(errorAt(option.at, message));
  }
}
