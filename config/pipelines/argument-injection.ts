/**
 * Words of a command that a value could turn into an option of the program. Pure.
 *
 * Invariant: no value begins a word with "-" unless "--" is before it. Tenants choose the names of instances: a word that such a name
 * begins is refused before any failure, so that no name can make a task fail. Other values are checked when they are filled in.
 */
import { pathsOf } from '../expressions/expression.ts';
import { parseTemplate } from '../expressions/template.ts';

/** Lists that the engine gives, and the fields of their items whose text tenants, or errors about their instances, decide. */
const LISTS: ReadonlySet<string> = new Set(['instances', 'recovered_instances', 'failed_instances']);
const TENANTS_OWN: ReadonlySet<string> = new Set(['name', 'reason']);

/** What to do about such a word; completes a message. */
export const OPTION_WAY = 'write "--" before it if the program knows that, or a text, as in --name={{ … }}';

/** Indexes of the words that begin with a value and have no "--" before them. @param command words as they are written */
function beginningWithValue(command: readonly string[]): readonly number[] {
  const end = command.indexOf('--');
  return command.flatMap((word, index) =>
    index > 0 && word.startsWith('{{') && (end < 0 || index < end) ? [index] : [],
  );
}

/** Why a command could be given an option by a tenant; a sentence of its own. Undefined: it can not. */
export function faultOfTenantWords(command: readonly string[]): string | undefined {
  for (const index of beginningWithValue(command)) {
    const word = command[index] ?? '';
    const [first] = parseTemplate(word);
    if (first === undefined || typeof first === 'string' || first.form.as === 'json') continue;
    const paths = pathsOf(first.expression).map(({ steps }) => steps);
    const isTenants = ([list = '', ...rest]: readonly string[]): boolean =>
      LISTS.has(list) && rest.some((field) => TENANTS_OWN.has(field));
    if (paths.some(isTenants)) {
      return `"command" begins a word with ${word}, which a tenant chooses and which may begin with "-": an option of the program; ${OPTION_WAY}`;
    }
  }
  return undefined;
}

/** The first word that its value made an option. @param written the words as they are written @param filled with their values */
export function optionByValue(written: readonly string[], filled: readonly string[]): string | undefined {
  return beginningWithValue(written)
    .map((index) => filled[index] ?? '')
    .find((word) => word.startsWith('-'));
}
