/**
 * Parameters of a task's own: all names in its section that are not options, for drivers that pass them on.
 *
 * A name that resembles an option is probably misspelt, or the name that other tools use. The check reports it before a
 * failure shows that "retry" was passed to a program instead of having an effect.
 */

import { nearest } from '../document/nearest.ts';
import type { DocumentSection } from '../document/parsed-document.ts';
import { errorAt, type Problem, warningAt } from '../document/problem.ts';
import { template } from '../expressions/template-kinds.ts';
import { shown } from '../options/kinds.ts';
import { FLOWS_SECTION } from './pipelines.ts';

/** A list of a flow that was written at the end of the file. */
const OF_FLOWS = /_recovery_(?:tasks|after_crash)$/;

export const NAME_OF_VALUE = /^[a-z_][a-z0-9_]{0,63}$/i;

/** Names of other tools for options that have another name here, or do not exist; the hint completes the warning. */
const OTHER_WORDS = new Map<string, string>([
  ...['retry', 'max_retries', 'max_attempts'].map((name) => [name, 'see "retries"'] as const),
  ...['if', 'only_if', 'unless'].map((name) => [name, 'see "when"'] as const),
  ...['args', 'arguments', 'argv', 'cmd'].map((name) => [name, 'see "command"'] as const),
  ['depends_on', 'see "requires"'],
  ...['ignore_errors', 'continue_on_error', 'on_error'].map((name) => [name, 'see "on_failure"'] as const),
  ...['run_as', 'become_user'].map((name) => [name, 'see "user"'] as const),
  ...['cwd', 'chdir', 'workdir', 'working_directory'].map((name) => [name, 'a task runs in /'] as const),
  ['env', 'a task has the environment that its driver gives it'],
]);

/** The options of a section that are parameters, with their texts. @param known the options that there are */
export function readOwnParameters(
  section: DocumentSection,
  known: readonly string[],
  problems: Problem[],
): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const { name, at, value } of section.options.values()) {
    if (known.includes(name)) continue;
    if (OF_FLOWS.test(name)) {
      problems.push(errorAt(at, `"${name}" belongs to section [${FLOWS_SECTION}], above the sections of tasks`));
      continue;
    }
    const meant = nearest(name, known);
    if (meant !== undefined && !section.options.has(meant)) {
      const message = `unknown option "${name}"; did you mean "${meant}"? A parameter needs a name less like it`;
      problems.push(errorAt(at, message));
      continue;
    }
    if (!NAME_OF_VALUE.test(name)) {
      problems.push(errorAt(at, `a parameter has a name of letters, digits and "_", not ${shown(name)}`));
      continue;
    }
    const hint = meant === undefined ? OTHER_WORDS.get(name.toLowerCase()) : `"${meant}" is the option`;
    if (hint !== undefined) {
      const message = `"${name}" is not an option: it is only passed to the task as a parameter; ${hint}`;
      problems.push(warningAt(at, message));
    }
    const parsed = template(name, '', '').parse(value.text);
    if ('fault' in parsed) problems.push(errorAt(value.place(parsed.offset ?? 0), `"${name}" ${parsed.fault}`));
    else parameters.set(name, value.text);
  }
  return parameters;
}
