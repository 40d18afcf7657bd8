/** `recovery-agent validate [FILE]`: everything that is wrong with a configuration, before a failure finds it. */
import { ConfigurationError, formatProblem, type Problem } from '#config/problem.ts';
import { loadChecked } from '../checked-configuration.ts';
import { type Command, JSON_OPTION } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { print, printJson } from '../output.ts';
import { printable } from '../printable.ts';

function check(file: string | undefined): { readonly problems: readonly Problem[]; readonly isValid: boolean } {
  try {
    return { problems: loadChecked(file, 'refuse').warnings, isValid: true };
  } catch (error) {
    if (error instanceof ConfigurationError) return { problems: error.problems, isValid: false };
    throw error;
  }
}

export const validate: Command = {
  name: 'validate',
  summary: 'Checks a configuration file or file of task lists and names every problem with its place',
  positionals: '[FILE]',
  options: JSON_OPTION,
  maxPositionals: 1,
  async run(line) {
    const file = line.positionals[0] ?? line.text('config');
    const { problems, isValid } = check(file);
    if (line.has('json')) {
      printJson({ valid: isValid, problems });
    } else {
      for (const problem of problems) print(printable(formatProblem(problem)));
      if (isValid) print(`${file ?? 'The configuration'} is valid.`);
    }
    return isValid ? EXIT.ok : EXIT.failed;
  },
};
