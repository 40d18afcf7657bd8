/** From the files of an operator to a valid configuration, or to a list of every problem. */

import type { Configuration } from './configuration.ts';
import { joinSections } from './document/joined-sections.ts';
import { nearest } from './document/nearest.ts';
import { dropInsOf, type ListFolder, withDropIns } from './document/oslo/drop-ins.ts';
import { withReferences } from './document/oslo/references.ts';
import type { Document, DocumentSection } from './document/parsed-document.ts';
import { ConfigurationError, errorAt, inOrder, type Problem, warningAt } from './document/problem.ts';
import { hasEffect, type ReadFile, readDocument } from './document/read-document.ts';
import { hashOf } from './hash.ts';
import { DEFAULT_METHODS_FILE } from './options/engine.ts';
import { effectlessSectionHint } from './options/masakari.ts';
import type { EngineOptions } from './options/options.ts';
import { readOptions, type Sections } from './options/read-options.ts';
import { isKnownSection, meantSection } from './options/sections.ts';
import { readSegments } from './options/segments.ts';
import { type Definitions, readPackagedSections } from './pipelines/packaged-tasks.ts';
import { FLOWS_SECTION, type Pipelines, placedTasks, type TaskName } from './pipelines/pipelines.ts';
import { readProofs } from './pipelines/proof-programs.ts';
import { readPipelines } from './pipelines/read-pipelines.ts';
import type { CustomSection } from './pipelines/task-definition.ts';
import { isDefinition, readTaskPolicy, type TaskPolicy } from './pipelines/task-policies.ts';

export const DEFAULT_MAIN_FILE = '/etc/recovery-agent/recovery-agent.conf';

/** Default paths of the task lists if no file is named; the first that exists is used. */
export const METHODS_FILES: readonly string[] = [
  DEFAULT_METHODS_FILE,
  '/etc/recovery-agent/masakari-custom-recovery-methods.conf',
  '/etc/masakari/masakari-custom-recovery-methods.conf',
];

export interface Sources {
  /** A file named by the operator: it is an error if it is missing. */
  readonly mainFile?: string | undefined;
  /** The same for the task lists; goes before the option `recovery_methods_config`. */
  readonly recoveryMethodsFile?: string | undefined;
  readonly readFile: ReadFile;
  /** For the folder beside a masakari.conf; without it there is none. */
  readonly listFolder?: ListFolder;
  /** For programs that execute tasks; other commands load nothing of it. */
  readonly definitions?: Definitions;
}

/**
 * Either file may hold any section, so that one file can contain everything; one of ours may be in one file only. With `definitions`
 * neither may be one that others can write to.
 *
 * @throws ConfigurationError with all problems found
 */
export function loadConfiguration(sources: Sources): Configuration {
  const problems: Problem[] = [];
  const documents = readDocuments(sources, problems);
  const sections = withReferences(joinSections(documents, problems), problems);
  const read = readOptions(sections);
  const { pipelines, problems: flowProblems } = readPipelines(sections.get(FLOWS_SECTION));
  const { segments, problems: segmentProblems } = readSegments(sections);
  problems.push(...read.problems, ...flowProblems, ...segmentProblems);
  const { definitions, readFile } = sources;
  const packaged = definitions ? readPackagedSections(definitions, readFile, sections, problems) : new Map();
  const joined = new Map([...sections, ...packaged]);
  const taskPolicies = readTaskSections(joined, new Set(packaged.keys()), pipelines, read.options, problems);
  const customTasks = readDefinitions(joined, definitions, problems);
  const proofs = definitions ? readProofs(sections, definitions.read, problems) : new Map();
  if (problems.some((problem) => problem.severity === 'error')) throw new ConfigurationError(problems);
  const effective = { options: read.options, segments, pipelines, taskPolicies, customTasks, proofs };
  return {
    ...effective,
    warnings: inOrder(problems),
    // Only programs that execute recoveries use it.
    get hash() {
      return hashOf(effective);
    },
  };
}

/** Undefined: there is no such file, or it cannot be used, which is then a problem. */
type ReadOwn = (path: string) => Document | undefined;

function readDocuments({ readFile, ...sources }: Sources, problems: Problem[]): Document[] {
  const readOne: ReadOwn = (path) => {
    let distrust: string | undefined;
    const document = readDocument(
      path,
      (file) => {
        const content = readFile(file);
        distrust = content?.distrust;
        return content;
      },
      problems,
    );
    // Its other problems are reported as well, and nothing of it is used.
    if (distrust !== undefined) problems.push(errorAt({ file: path, line: 1, column: 1 }, distrust));
    return document;
  };
  const readOwn: ReadOwn = (path) => {
    const document = readOne(path);
    const files = document && sources.listFolder ? dropInsOf(path, sources.listFolder, problems) : [];
    const dropIns = files.flatMap((file) => readOne(file) ?? []);
    return document && withDropIns(document, dropIns, hasEffect, problems);
  };
  const main =
    sources.mainFile === undefined
      ? readOwn(DEFAULT_MAIN_FILE)
      : readNamed(sources.mainFile, 'the configuration file', readOwn, problems);
  const documents = main === undefined ? [] : [main];
  const written = main?.sections.find((section) => section.name === 'engine')?.options.get('recovery_methods_config');
  const named = sources.recoveryMethodsFile ?? written?.value.text;
  if (named !== undefined) {
    // A file that names itself, or is given twice, counts as one file.
    const methods =
      named === main?.file ? undefined : readNamed(named, 'the file with the task lists', readOwn, problems);
    return methods === undefined ? documents : [...documents, methods];
  }
  const complete = main?.sections.some((section) => section.name === FLOWS_SECTION) ?? false;
  if (sources.mainFile !== undefined && complete) return documents;
  for (const path of METHODS_FILES) {
    const methods = path === main?.file ? undefined : readOwn(path);
    if (methods !== undefined) return [...documents, methods];
  }
  return documents;
}

function readNamed(path: string, what: string, readOwn: ReadOwn, problems: Problem[]): Document | undefined {
  const before = problems.length;
  const document = readOwn(path);
  if (document === undefined && problems.length === before) {
    problems.push(errorAt({ file: path, line: 1, column: 1 }, `${what} does not exist`));
  }
  return document;
}

/** The remaining sections: those of tasks in some list, those without effect, and unknown ones. */
function readTaskSections(
  sections: Sections,
  packaged: ReadonlySet<TaskName>,
  pipelines: Pipelines,
  options: EngineOptions,
  problems: Problem[],
): ReadonlyMap<TaskName, TaskPolicy> {
  const policies = new Map<TaskName, TaskPolicy>();
  const tasks = placedTasks(pipelines);
  const names = new Set(tasks.map((task) => task.name));
  // A list that could not be read may name any task.
  const isListLost = (sections.get(FLOWS_SECTION)?.unread.size ?? 0) > 0;
  for (const { name, at } of tasks) {
    if (isKnownSection(name) || effectlessSectionHint(name) !== undefined) {
      problems.push(errorAt(at, `no task can be called "${name}": a section has that name`));
    }
  }
  for (const [name, section] of sections) {
    const hint = effectlessSectionHint(name);
    if (isKnownSection(name)) continue;
    const isTask = names.has(name) || packaged.has(name) || isDefinition(section);
    if (isTask) problems.push(...(section.problems ?? []));
    if (names.has(name) || packaged.has(name)) policies.set(name, readTaskPolicy(section, options, problems));
    else if (isTask) {
      if (!isListLost) problems.push(warningAt(section.at, `no list names the task "${name}"`));
    } else if (hint !== undefined) problems.push(warningAt(section.at, `section [${name}] has no effect here${hint}`));
    else problems.push(unknownSection(section, names));
  }
  return policies;
}

/** Reports a definition whose option "driver" is misspelt. */
function unknownSection({ name, at, options, isForeign }: DocumentSection, tasks: ReadonlySet<TaskName>): Problem {
  const slip = [...options.values()].find((option) => nearest(option.name, ['driver']) !== undefined);
  if (slip) return errorAt(slip.at, `unknown option "${slip.name}"; did you mean "driver"?`);
  const message = `unknown section [${name}]${meantSection(name, tasks)}`;
  // Masakari ignores a section that it does not know.
  return isForeign ? warningAt(at, message) : errorAt(at, message);
}

function readDefinitions(
  sections: Sections,
  definitions: Definitions | undefined,
  problems: Problem[],
): ReadonlyMap<TaskName, CustomSection> {
  const tasks = new Map<TaskName, CustomSection>();
  if (!definitions) return tasks;
  for (const [name, section] of sections) {
    if (isKnownSection(name) || !isDefinition(section)) continue;
    const task = definitions.read(section, problems);
    if (task) tasks.set(name, task);
  }
  return tasks;
}
