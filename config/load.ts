/** From the files of an operator to a configuration that holds, or to every problem at once. */

import type { CustomSection } from './custom-tasks.ts';
import type { Document, DocumentSection } from './document.ts';
import { DEFAULT_METHODS_FILE } from './engine-options.ts';
import { hashOf } from './hash.ts';
import { effectlessSectionHint } from './masakari-options.ts';
import { nearest } from './nearest.ts';
import type { EngineOptions } from './options.ts';
import { type Definitions, readPackagedSections } from './packaged-tasks.ts';
import { FLOWS_SECTION, type Pipelines, placedTasks, readPipelines, type TaskName } from './pipelines.ts';
import { ConfigurationError, errorAt, formatPosition, inOrder, type Problem, warningAt } from './problem.ts';
import { type ReadFile, readDocument } from './read-document.ts';
import { readOptions, type Sections } from './read-options.ts';
import { isKnownSection, meantSection } from './sections.ts';
import { type FailoverSegment, readSegments } from './segments.ts';
import { isDefinition, readTaskPolicy, type TaskPolicy } from './task-policies.ts';
import { whyDistrusted } from './trusted-document.ts';

export const DEFAULT_MAIN_FILE = '/etc/recovery-agent/recovery-agent.conf';

/** Where task lists are looked for when no file is named; the first that exists counts. */
export const METHODS_FILES: readonly string[] = [
  DEFAULT_METHODS_FILE,
  '/etc/recovery-agent/masakari-custom-recovery-methods.conf',
  '/etc/masakari/masakari-custom-recovery-methods.conf',
];

export interface Configuration {
  readonly options: EngineOptions;
  /** Never empty. */
  readonly segments: readonly FailoverSegment[];
  readonly pipelines: Pipelines;
  /** What the sections of tasks say; for the rest see `policyOf`. */
  readonly taskPolicies: ReadonlyMap<TaskName, TaskPolicy>;
  /** Tasks that operators and packages define; empty where the sources have no `definitions`. */
  readonly customTasks: ReadonlyMap<TaskName, CustomSection>;
  readonly warnings: readonly Problem[];
  /** sha256 (hex) over every effective value except secrets: equal hashes, equal behaviour. */
  readonly hash: string;
}

export interface Sources {
  /** A file named by the operator: it is an error if it is missing. */
  readonly mainFile?: string | undefined;
  /** The same for the task lists; goes before the option `recovery_methods_config`. */
  readonly recoveryMethodsFile?: string | undefined;
  readonly readFile: ReadFile;
  /** For whoever carries tasks out; commands that do not load nothing of it. */
  readonly definitions?: Definitions;
}

/**
 * Either file may hold any section, so that one file can hold everything; no section may stand in both. With `definitions`
 * neither may be one that others can write to.
 *
 * @throws ConfigurationError with all problems found
 */
export function loadConfiguration(sources: Sources): Configuration {
  const problems: Problem[] = [];
  const documents = readDocuments(sources, problems);
  const sections = joinSections(documents, problems);
  const read = readOptions(sections);
  const { pipelines, problems: flowProblems } = readPipelines(sections.get(FLOWS_SECTION));
  const { segments, problems: segmentProblems } = readSegments(sections);
  problems.push(...read.problems, ...flowProblems, ...segmentProblems);
  const { definitions, readFile } = sources;
  const packaged = definitions ? readPackagedSections(definitions, readFile, sections, problems) : new Map();
  const joined = new Map([...sections, ...packaged]);
  const taskPolicies = readTaskSections(joined, new Set(packaged.keys()), pipelines, read.options, problems);
  const customTasks = readDefinitions(joined, definitions, problems);
  if (problems.some((problem) => problem.severity === 'error')) throw new ConfigurationError(problems);
  const effective = { options: read.options, segments, pipelines, taskPolicies, customTasks };
  return {
    ...effective,
    warnings: inOrder(problems),
    // Only whoever carries recoveries out has a use for it.
    get hash() {
      return hashOf(effective);
    },
  };
}

/** Undefined: there is no such file, or it cannot be used, which is then a problem. */
type ReadOwn = (path: string) => Document | undefined;

function readDocuments({ readFile, definitions, ...sources }: Sources, problems: Problem[]): Document[] {
  const readOwn: ReadOwn = (path) => {
    let distrust: string | undefined;
    const document = readDocument(
      path,
      (file) => {
        const content = readFile(file);
        // Whoever can write to it names the programs that run; for a command that carries nothing out it is a text.
        distrust = definitions && content && whyDistrusted(content, definitions.owners ?? [], file);
        return content;
      },
      problems,
    );
    // What else is wrong with it is told as well, and nothing of it is used.
    if (distrust !== undefined) problems.push(errorAt({ file: path, line: 1, column: 1 }, distrust));
    return document;
  };
  const main =
    sources.mainFile === undefined
      ? readOwn(DEFAULT_MAIN_FILE)
      : readNamed(sources.mainFile, 'the configuration file', readOwn, problems);
  const documents = main === undefined ? [] : [main];
  const written = main?.sections.find((section) => section.name === 'engine')?.options.get('recovery_methods_config');
  const named = sources.recoveryMethodsFile ?? written?.value.text;
  if (named !== undefined) {
    // A file that names itself, or is given twice, is one file.
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

function joinSections(documents: readonly Document[], problems: Problem[]): Sections {
  const sections = new Map<string, DocumentSection>();
  for (const section of documents.flatMap((document) => document.sections)) {
    const earlier = sections.get(section.name);
    sections.set(section.name, earlier === undefined ? section : joined(earlier, section, problems));
  }
  return sections;
}

/** A section of two files is one section; an option that both give is refused. */
function joined(first: DocumentSection, second: DocumentSection, problems: Problem[]): DocumentSection {
  const options = new Map(first.options);
  for (const option of second.options.values()) {
    const earlier = options.get(option.name);
    if (earlier === undefined) options.set(option.name, option);
    else {
      const place = formatPosition(earlier.at);
      problems.push(errorAt(option.at, `"${option.name}" already stands at ${place}; remove one of the two`));
    }
  }
  return { ...first, options, unread: new Set([...first.unread, ...second.unread]) };
}

/** The sections that are left: those of tasks in some list, those without effect, and those nobody knows. */
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
    if (isKnownSection(name)) problems.push(errorAt(at, `no task can be called "${name}": a section has that name`));
  }
  for (const [name, section] of sections) {
    const hint = effectlessSectionHint(name);
    if (isKnownSection(name)) continue;
    if (names.has(name) || packaged.has(name)) policies.set(name, readTaskPolicy(section, options, problems));
    else if (isDefinition(section)) {
      if (!isListLost) problems.push(warningAt(section.at, `no list names the task "${name}"`));
    } else if (hint !== undefined) problems.push(warningAt(section.at, `section [${name}] has no effect here${hint}`));
    else problems.push(unknownSection(section, names));
  }
  return policies;
}

/** A definition whose option "driver" is misspelt is told of that. */
function unknownSection({ name, at, options }: DocumentSection, tasks: ReadonlySet<TaskName>): Problem {
  const slip = [...options.values()].find((option) => nearest(option.name, ['driver']) !== undefined);
  if (slip) return errorAt(slip.at, `unknown option "${slip.name}"; did you mean "driver"?`);
  return errorAt(at, `unknown section [${name}]${meantSection(name, tasks)}`);
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
