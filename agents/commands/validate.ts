/** `recovery-agent validate [FILE]`: everything that is wrong with a configuration, before a failure finds it. */
import { formatPosition, formatProblem } from '#config/problem.ts';
import { examine } from '../checked-configuration.ts';
import { type Command, JSON_OPTION } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { describeFlow, viewFlow } from '../flow-graph-text.ts';
import { print, printJson } from '../output.ts';
import { printable } from '../printable.ts';

export const validate: Command = {
  name: 'validate',
  summary:
    'Checks a configuration file or file of task lists, names every problem with its place, and explains each flow',
  positionals: '[FILE]',
  options: {
    quiet: { type: 'boolean', short: 'q', help: 'leave out how the tasks of each flow hang together' },
    ...JSON_OPTION,
  },
  maxPositionals: 1,
  exitCodes: '0 nothing is wrong (there may be warnings), 1 something is, 2 the command line is wrong',
  async run(line) {
    const file = line.positionals[0] ?? line.text('config');
    const { problems, isValid, graphs, unlisted } = await examine(file);
    const shown = line.has('quiet') ? [] : graphs;
    if (line.has('json')) {
      const unused = unlisted.map(({ name, at }) => ({ name, defined_at: formatPosition(at) }));
      printJson({
        valid: isValid,
        problems,
        ...(line.has('quiet') ? {} : { flows: shown.map(viewFlow), unlisted: unused }),
      });
    } else {
      for (const problem of problems) print(printable(formatProblem(problem)));
      if (isValid) print(`${file ?? 'The configuration'} is valid.`);
      for (const graph of shown) print(`\n${describeFlow(graph)}`);
      if (unlisted.length > 0 && !line.has('quiet')) {
        print('\nDefined, and in no list:');
        for (const { name, at } of unlisted) print(printable(`  ${name} (${formatPosition(at)})`));
      }
    }
    return isValid ? EXIT.ok : EXIT.failed;
  },
};
