/**
 * Tasks that operators and packages define: a section with `driver`, named like the task in the lists.
 *
 * Invariant: everything that can be wrong with a definition is found here, with its place: what a driver does not know,
 * what it lacks, a template that cannot be understood. Whether the values that it asks for exist is found by check.ts.
 */
import type { DocumentOption, DocumentSection } from './document.ts';
import { AFTER_CRASH, type AfterCrash, type DriverForm } from './driver-form.ts';
import { executableTask } from './executable-task.ts';
import { type Expression, ExpressionFault, parseExpression, pathsOf, type Value } from './expression.ts';
import { choice, flag, listItems, shown } from './kinds.ts';
import { mailTask } from './mail-task.ts';
import { mistralTask } from './mistral-task.ts';
import { moduleTask } from './module-task.ts';
import { didYouMean, nearest } from './nearest.ts';
import { errorAt, type Position, type Problem } from './problem.ts';
import { valueIn } from './read-options.ts';
import { recoveryActionTask } from './recovery-action-task.ts';
import { POLICY_OPTIONS } from './task-policies.ts';
import { allPaths } from './template.ts';
import { template } from './template-kinds.ts';
import { webhookTask } from './webhook-task.ts';

export const DRIVERS = {
  executable: executableTask,
  module: moduleTask,
  webhook: webhookTask,
  mail: mailTask,
  mistral: mistralTask,
  recovery_action: recoveryActionTask,
} as const satisfies Readonly<Record<string, DriverForm>>;

export type DriverName = keyof typeof DRIVERS;
const DRIVER_NAMES = Object.keys(DRIVERS) as DriverName[];

/** A definition as it is frozen into plans; JSON. */
export interface CustomTask {
  readonly driver: DriverName;
  readonly requires: readonly string[];
  readonly provides: readonly string[];
  readonly afterCrash: AfterCrash;
  /** Whether a flow that rolls back calls it to take back what it did. */
  readonly undo: boolean;
  /** A condition; empty: always. */
  readonly when: string;
  /** The driver's own, by field. */
  readonly options: { readonly [field: string]: Value };
  /** The task's own: templates by name. */
  readonly parameters: { readonly [name: string]: string };
}

/** A value that a definition asks for, and where. */
export interface Reference {
  readonly steps: readonly string[];
  readonly at: Position;
}

/** What a definition says, together with the places that a check needs. */
export interface CustomSection {
  readonly task: CustomTask;
  readonly at: Position;
  readonly references: readonly Reference[];
}

const NAME_OF_VALUE = /^[a-z_][a-z0-9_]{0,63}$/i;
const DRIVER = choice('driver', 'executable', DRIVER_NAMES, 'What carries the task out.');
const UNDO = flag('undo', false, 'Whether the task is called to take back what it did when its flow rolls back.');
const DEFINITION_OPTIONS = ['driver', 'requires', 'provides', 'after_crash', 'undo', 'when'] as const;

const POLICY_NAMES: readonly string[] = POLICY_OPTIONS.map((spec) => spec.name);

/** Undefined when it is wrong; the problems say why. */
export function readCustomTask(section: DocumentSection, problems: Problem[]): CustomSection | undefined {
  const before = problems.length;
  const driver = valueIn(section, DRIVER, problems);
  if (driver === undefined) return undefined;
  const form: DriverForm = DRIVERS[driver];
  const references: Reference[] = [];
  const options = readDriverOptions(section, form, references, problems);
  const parameters = readParameters(section, driver, form, references, problems);
  const afterCrash = readAfterCrash(section, driver, form, problems);
  const undo = valueIn(section, UNDO, problems) ?? false;
  if (undo && form.undo === 'impossible') {
    problems.push(errorAt(placeOf(section, 'undo'), `a task with driver ${driver} cannot take back what it did`));
  }
  const task: CustomTask = {
    driver,
    requires: readNames(section, 'requires', problems),
    provides: readNames(section, 'provides', problems),
    afterCrash,
    undo,
    when: readCondition(section, references, problems),
    options,
    parameters,
  };
  const fault = problems.length === before ? form.check?.(options, task) : undefined;
  if (fault) {
    const name = form.options[fault.field]?.name ?? fault.field;
    problems.push(errorAt(placeOf(section, name), fault.fault));
  }
  return problems.length === before ? { task, at: section.at, references } : undefined;
}

function placeOf(section: DocumentSection, name: string): Position {
  return section.options.get(name)?.value.place(0) ?? section.at;
}

function readDriverOptions(
  section: DocumentSection,
  form: DriverForm,
  references: Reference[],
  problems: Problem[],
): CustomTask['options'] {
  const options: Record<string, Value> = {};
  for (const [field, spec] of Object.entries(form.options)) {
    const value = valueIn(section, spec, problems);
    const option = section.options.get(spec.name);
    if (option === undefined && form.required.includes(field)) {
      problems.push(errorAt(section.at, `task "${section.name}" needs the option "${spec.name}": ${spec.help}`));
    }
    options[field] = value ?? spec.fallback;
    if (form.templates.includes(field)) collect(options[field] ?? null, option, section, references);
    if (form.names?.includes(field) && option && value) {
      references.push({ steps: [String(value)], at: option.value.place(0) });
    }
  }
  return options;
}

/** What a value that was understood already asks for. */
function collect(
  value: Value,
  option: DocumentOption | undefined,
  section: DocumentSection,
  references: Reference[],
): void {
  const paths = allPaths(value);
  const written = typeof value === 'string' ? paths : pathsAsWritten(option?.value.text ?? '');
  for (const [index, { steps, at }] of paths.entries()) {
    // Within a structure an offset counts from the text in it; as written the same path stands at its true place.
    const same = written[index];
    const offset = typeof value === 'string' ? at : same?.steps.join('.') === steps.join('.') ? same.at : 0;
    references.push({ steps, at: option?.value.place(offset) ?? section.at });
  }
}

/** The paths of a command or structure, read as one text; none where quotes and braces of its own make it another one. */
function pathsAsWritten(text: string): ReturnType<typeof allPaths> {
  try {
    return allPaths(text);
  } catch (error) {
    if (error instanceof ExpressionFault) return [];
    throw error;
  }
}

function readParameters(
  section: DocumentSection,
  driver: DriverName,
  form: DriverForm,
  references: Reference[],
  problems: Problem[],
): CustomTask['parameters'] {
  const known = [...DEFINITION_OPTIONS, ...POLICY_NAMES, ...Object.values(form.options).map(({ name }) => name)];
  const parameters: Record<string, string> = {};
  for (const option of section.options.values()) {
    const { name, at, value } = option;
    if (known.includes(name)) continue;
    const meant = nearest(name, known);
    if (form.parameters === 'none') {
      problems.push(errorAt(at, `a task with driver ${driver} has no option "${name}"${didYouMean(name, known)}`));
    } else if (meant !== undefined && !section.options.has(meant)) {
      problems.push(
        errorAt(at, `unknown option "${name}"; did you mean "${meant}"? A parameter needs a name less like it`),
      );
    } else if (!NAME_OF_VALUE.test(name)) {
      problems.push(errorAt(at, `a parameter has a name of letters, digits and "_", not ${shown(name)}`));
    } else {
      const parsed = template(name, '', '').parse(value.text);
      if ('fault' in parsed) problems.push(errorAt(value.place(parsed.offset ?? 0), `"${name}" ${parsed.fault}`));
      else {
        parameters[name] = value.text;
        collect(value.text, option, section, references);
      }
    }
  }
  return parameters;
}

function readAfterCrash(
  section: DocumentSection,
  driver: DriverName,
  { afterCrash }: DriverForm,
  problems: Problem[],
): AfterCrash {
  const help = 'Whether it may run again when an engine died while it ran.';
  const value = valueIn(section, choice('after_crash', 'once', AFTER_CRASH, help), problems) ?? afterCrash[0];
  if (!afterCrash.includes(value)) {
    const message = `a task with driver ${driver} can be ${afterCrash.join(' or ')}, not ${value}`;
    problems.push(errorAt(placeOf(section, 'after_crash'), message));
  }
  return value;
}

function readNames(section: DocumentSection, name: 'requires' | 'provides', problems: Problem[]): readonly string[] {
  const option = section.options.get(name);
  const items = option ? listItems(option.value.text) : [];
  for (const { text, offset } of items) {
    if (NAME_OF_VALUE.test(text)) continue;
    const message = `"${name}" takes names of letters, digits and "_", not ${shown(text)}`;
    problems.push(errorAt(option?.value.place(offset) ?? section.at, message));
  }
  return [...new Set(items.map(({ text }) => text))];
}

/** The braces of a template may stand around it. */
export function conditionOf(text: string): Expression {
  const inner = /^\s*\{\{(.*)\}\}\s*$/s.exec(text)?.[1];
  return inner === undefined ? parseExpression(text) : parseExpression(inner, text.indexOf('{{') + 2);
}

function readCondition(section: DocumentSection, references: Reference[], problems: Problem[]): string {
  const option = section.options.get('when');
  const text = option?.value.text ?? '';
  if (option === undefined || text === '') return '';
  try {
    for (const { steps, at } of pathsOf(conditionOf(text))) references.push({ steps, at: option.value.place(at) });
  } catch (error) {
    if (!(error instanceof ExpressionFault)) throw error;
    problems.push(errorAt(option.value.place(error.offset), `"when" ${error.message}`));
  }
  return text;
}
