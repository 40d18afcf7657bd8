/**
 * Tasks that packages add: files below /usr/lib/recovery-agent/tasks.d, each with sections that define tasks.
 *
 * Invariants: nothing counts from a file that anybody but its trusted owner could have written, since it decides what runs
 * as root; a name stands for one task, whoever defines it; a package changes nothing but by adding tasks.
 */

import type { CustomSection } from './custom-tasks.ts';
import type { DocumentSection } from './document.ts';
import { nearest } from './nearest.ts';
import type { TaskName } from './pipelines.ts';
import { errorAt, formatPosition, type Problem } from './problem.ts';
import type { ReadFile } from './read-document.ts';
import type { Sections } from './read-options.ts';
import { isKnownSection } from './sections.ts';
import { isDefinition } from './task-policies.ts';
import { readTrusted } from './trusted-document.ts';

/** For whoever carries tasks out; commands that do not load nothing of it. */
export interface Definitions {
  /** Files of packages that add tasks, in their order. */
  readonly files: readonly string[];
  /** User ids whose files are trusted, those of packages and those of the operator: root's, and our own. Without it nobody's. */
  readonly owners?: readonly number[];
  /** What is wrong with the directory they lie in. */
  readonly problems?: readonly Problem[];
  /** `readCustomTask` is the real one. */
  readonly read: (section: DocumentSection, problems: Problem[]) => CustomSection | undefined;
}

/**
 * The sections that packages add. One of the operator's with the same name may change what stands in it, unless it defines
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
    for (const section of readTrusted(file, definitions.owners ?? [], readFile, problems)?.sections ?? []) {
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

/** What a package says, with an operator's changes. A new option that looks like one of the package's is a slip. */
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
    problems.push(errorAt(at, `"${name}" is not among what ${place} says of the task; did you mean "${meant}"?`));
  }
  const unread = new Set([...section.unread, ...operators.unread]);
  return { ...section, options, unread };
}
