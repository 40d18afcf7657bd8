/**
 * Tasks that packages add: files below /usr/lib/recovery-agent/tasks.d, each with sections that define tasks.
 *
 * Invariants: a file that a user other than its trusted owner could have written is not used, because it decides what runs
 * as root. Each name has one definition. A package can only add tasks.
 */

import { nearest } from '../document/nearest.ts';
import type { DocumentSection } from '../document/parsed-document.ts';
import { errorAt, formatPosition, type Problem } from '../document/problem.ts';
import type { ReadFile } from '../document/read-document.ts';
import { readTrusted } from '../document/trusted-document.ts';
import type { Sections } from '../options/read-options.ts';
import { isKnownSection } from '../options/sections.ts';
import type { TaskName } from './pipelines.ts';
import type { CustomSection } from './task-definition.ts';
import { isDefinition } from './task-policies.ts';

/** For programs that execute tasks; other commands load nothing of it. */
export interface Definitions {
  /** Files of packages that add tasks, in their order. */
  readonly files: readonly string[];
  /** Problems of the directory that contains them. */
  readonly problems?: readonly Problem[];
  /** `readCustomTask` is the real one. */
  readonly read: (section: DocumentSection, problems: Problem[]) => CustomSection | undefined;
}

/**
 * The sections that packages add. A section of the operator with the same name may change its options, unless it defines
 * a task of that name itself.
 */
export function readPackagedSections(
  definitions: Definitions,
  readFile: ReadFile,
  own: Sections,
  problems: Problem[],
): Map<TaskName, DocumentSection> {
  problems.push(...(definitions.problems ?? []));
  const found = new Map<TaskName, DocumentSection>();
  for (const file of definitions.files) {
    for (const section of readTrusted(file, readFile, problems)?.sections ?? []) {
      const { name, at } = section;
      const operators = own.get(name);
      const earlier = found.get(name) ?? (operators && isDefinition(operators) ? operators : undefined);
      if (isKnownSection(name) || !isDefinition(section)) {
        problems.push(errorAt(at, `[${name}] defines no task; a file of a package holds sections with "driver" only`));
      } else if (earlier !== undefined) {
        problems.push(
          errorAt(at, `task "${name}" is defined at ${formatPosition(earlier.at)} too; a name can have one task`),
        );
      } else {
        found.set(name, operators ? changed(section, operators, problems) : section);
      }
    }
  }
  return found;
}

/** A package's section with an operator's changes. A new option that resembles one of the package's is a mistake. */
function changed(section: DocumentSection, operators: DocumentSection, problems: Problem[]): DocumentSection {
  const options = new Map(section.options);
  for (const option of operators.options.values()) {
    const { name, at } = option;
    const meant = section.options.has(name) ? undefined : nearest(name, section.options.keys());
    if (meant === undefined) {
      options.set(name, option);
      continue;
    }
    const place = formatPosition(section.options.get(meant)?.at ?? section.at);
    problems.push(errorAt(at, `"${name}" is not an option in the definition at ${place}; did you mean "${meant}"?`));
  }
  const unread = new Set([...section.unread, ...operators.unread]);
  return { ...section, options, unread };
}
