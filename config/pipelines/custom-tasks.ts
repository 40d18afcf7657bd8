/**
 * Tasks that operators and packages define: a section with `driver`, named like the task in the lists.
 *
 * Invariant: every fault of a definition is found here, with its position: an option that the driver does not know, a
 * missing option, an invalid template. check.ts checks that the values it uses exist.
 */

import { didYouMean } from '../document/nearest.ts';
import type { DocumentSection } from '../document/parsed-document.ts';
import { errorAt, type Position, type Problem } from '../document/problem.ts';
import { comparisonsOf, type Expression, ExpressionFault, pathsOf, type Value } from '../expressions/expression.ts';
import { parseExpression } from '../expressions/parser.ts';
import { collect, type UsedValues } from '../expressions/used-values.ts';
import { choice, flag, listItems, shown } from '../options/kinds.ts';
import { valueIn } from '../options/read-options.ts';
import { AFTER_CRASH, type AfterCrash, type DriverForm } from './drivers/driver-form.ts';
import { DRIVERS, type DriverName } from './drivers/drivers.ts';
import { NAME_OF_VALUE, readOwnParameters } from './own-parameters.ts';
import { secretProblems, withReferencePaths } from './secret-problems.ts';
import type { CustomSection, CustomTask } from './task-definition.ts';
import { withPath } from './task-paths.ts';
import { POLICY_OPTIONS } from './task-policies.ts';

const DRIVER_NAMES = Object.keys(DRIVERS) as DriverName[];

/** Findings collected while a section is read. */
interface Found extends UsedValues {
  readonly problems: Problem[];
}

const DRIVER = choice('driver', 'executable', DRIVER_NAMES, 'The kind of the task.');
const UNDO = flag('undo', false, 'Whether a rollback of its flow calls the task to undo its effect.');
const DEFINITION_OPTIONS = ['driver', 'requires', 'provides', 'after_crash', 'undo', 'when', 'not_secret'] as const;

const POLICY_NAMES: readonly string[] = POLICY_OPTIONS.map((spec) => spec.name);

/** Undefined when it is invalid; the problems contain the reason. */
export function readCustomTask(section: DocumentSection, problems: Problem[]): CustomSection | undefined {
  const found: Found = { references: [], comparisons: [], problems: [] };
  const read = readSection(section, found);
  problems.push(...found.problems);
  return hasErrors(found) ? undefined : read;
}

function hasErrors({ problems }: Found): boolean {
  return problems.some(({ severity }) => severity === 'error');
}

function readSection(section: DocumentSection, found: Found): CustomSection | undefined {
  const { problems, references, comparisons } = found;
  const driver = section.options.has(DRIVER.name) ? valueIn(section, DRIVER, problems) : DRIVER.fallback;
  if (driver === undefined) return undefined;
  const form: DriverForm = DRIVERS[driver];
  const options = readDriverOptions(section, form, found);
  const parameters = readParameters(section, driver, form, found);
  const afterCrash = readAfterCrash(section, driver, form, problems);
  const undo = valueIn(section, UNDO, problems) ?? false;
  if (undo && form.undo !== 'possible') {
    const able = DRIVER_NAMES.filter((name) => DRIVERS[name].undo === 'possible').join(' and ');
    const message = `a task with driver ${driver} cannot be undone; tasks with ${able} can`;
    problems.push(errorAt(placeOf(section, 'undo'), message));
  }
  const requiredAt = readNames(section, 'requires', problems);
  const task: CustomTask = {
    driver,
    requires: [...requiredAt.keys()],
    provides: [...readNames(section, 'provides', problems).keys()],
    afterCrash,
    undo,
    when: readCondition(section, found),
    options,
    parameters,
  };
  // Options that could not be read are unknown, so relations between options cannot be checked.
  if (!hasErrors(found) && section.unread.size === 0) {
    const fault = form.check?.(options, { name: section.name, requires: task.requires });
    const name = fault && (form.options[fault.field]?.name ?? fault.field);
    if (fault && name) problems.push(errorAt(placeOf(section, name), fault.fault));
    else problems.push(...secretProblems(section, task, form));
  }
  const places = new Map([...section.options].map(([name, { value }]) => [name, value.place(0)]));
  return { task, at: section.at, places, references, comparisons, requiredAt };
}

function placeOf(section: DocumentSection, name: string): Position {
  return section.options.get(name)?.value.place(0) ?? section.at;
}

function readDriverOptions(section: DocumentSection, form: DriverForm, found: Found): CustomTask['options'] {
  const { problems, references } = found;
  const options: Record<string, Value> = {};
  for (const [field, spec] of Object.entries(form.options)) {
    const value = valueIn(section, spec, problems);
    const option = section.options.get(spec.name);
    if (option === undefined && form.required.includes(field) && !section.unread.has(spec.name)) {
      problems.push(errorAt(section.at, `task "${section.name}" needs the option "${spec.name}": ${spec.help}`));
    }
    const given = value ?? spec.fallback;
    options[field] = option && form.paths?.includes(field) ? withPath(given, option.at.file) : given;
    if (option && form.references?.includes(field)) options[field] = withReferencePaths(given, option.at.file);
    if (form.templates.includes(field)) collect(given, option, section.at, found);
    if (form.names?.includes(field) && option && value) {
      references.push({ steps: [String(value)], at: option.value.place(0) });
    }
  }
  return options;
}

function readParameters(
  section: DocumentSection,
  driver: DriverName,
  form: DriverForm,
  found: Found,
): CustomTask['parameters'] {
  const known = [...DEFINITION_OPTIONS, ...POLICY_NAMES, ...Object.values(form.options).map(({ name }) => name)];
  if (form.parameters === 'none') {
    for (const { name, at } of section.options.values()) {
      if (known.includes(name)) continue;
      const message = `a task with driver ${driver} has no option "${name}"${didYouMean(name, known)}`;
      found.problems.push(errorAt(at, message));
    }
    return {};
  }
  const parameters = readOwnParameters(section, known, found.problems);
  for (const [name, text] of parameters) collect(text, section.options.get(name), section.at, found);
  const fileOf = (name: string): string => (section.options.get(name)?.at ?? section.at).file;
  return Object.fromEntries(
    [...parameters].map(([name, text]) => [name, withReferencePaths(text, fileOf(name), name)]),
  );
}

function readAfterCrash(
  section: DocumentSection,
  driver: DriverName,
  { afterCrash }: DriverForm,
  problems: Problem[],
): AfterCrash {
  const help = 'Whether it may run again after an engine ended while it ran.';
  const value = valueIn(section, choice('after_crash', 'once', AFTER_CRASH, help), problems) ?? afterCrash[0];
  if (!afterCrash.includes(value)) {
    const message = `a task with driver ${driver} can be ${afterCrash.join(' or ')}, not ${value}`;
    problems.push(errorAt(placeOf(section, 'after_crash'), message));
  }
  return value;
}

/** Each name once, with its place. */
function readNames(
  section: DocumentSection,
  name: 'requires' | 'provides',
  problems: Problem[],
): ReadonlyMap<string, Position> {
  const option = section.options.get(name);
  const names = new Map<string, Position>();
  for (const { text, offset } of option ? listItems(option.value.text) : []) {
    const at = option?.value.place(offset) ?? section.at;
    if (!names.has(text)) names.set(text, at);
    if (NAME_OF_VALUE.test(text)) continue;
    problems.push(errorAt(at, `"${name}" takes names of letters, digits and "_", not ${shown(text)}`));
  }
  return names;
}

/** The braces of a template may be around it. */
export function conditionOf(text: string): Expression {
  const inner = /^\s*\{\{(.*)\}\}\s*$/s.exec(text)?.[1];
  return inner === undefined ? parseExpression(text) : parseExpression(inner, text.indexOf('{{') + 2);
}

function readCondition(section: DocumentSection, { references, comparisons, problems }: Found): string {
  const option = section.options.get('when');
  const text = option?.value.text ?? '';
  if (option === undefined || text === '') return '';
  try {
    const condition = conditionOf(text);
    for (const { steps, at } of pathsOf(condition)) references.push({ steps, at: option.value.place(at) });
    for (const comparison of comparisonsOf(condition)) {
      comparisons.push({ comparison, at: option.value.place(comparison.at) });
    }
  } catch (error) {
    if (!(error instanceof ExpressionFault)) throw error;
    problems.push(errorAt(option.value.place(error.offset), `"when" ${error.message}`));
  }
  return text;
}
