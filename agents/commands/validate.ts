/** `recovery-agent validate [FILE]`: everything that is wrong with a configuration, before a failure finds it. */
import { formatPosition, formatProblem } from '#config/document/problem.ts';
import { printable, printableLines } from '#protocol/printable.ts';
import { examine } from '../checked-configuration.ts';
import { type CloudExamination, examineCloud } from '../cloud-examination.ts';
import { type Command, JSON_OPTION } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { describeFlow, viewFlow } from '../output/flow-graph.ts';
import { print, printJson } from '../output/output.ts';

export const validate: Command = {
  name: 'validate',
  summary:
    'Checks a configuration file or file of task lists, names every problem with its place, and explains each flow',
  positionals: '[FILE]',
  options: {
    cloud: {
      type: 'boolean',
      help: 'also try every right that recoveries need: of the cloud, of Mistral, of mail servers; nothing is changed',
    },
    quiet: { type: 'boolean', short: 'q', help: 'leave out how the tasks of each flow hang together' },
    ...JSON_OPTION,
  },
  maxPositionals: 1,
  exitCodes:
    '0 nothing is wrong (there may be warnings), 1 something is, or a right is refused (--cloud), 2 the command line is wrong',
  async run(line) {
    const file = line.positionals[0] ?? line.text('config');
    const { configuration, problems, isValid, graphs, unlisted } = await examine(file);
    const cloud = line.has('cloud') && isValid && configuration ? await examineCloud(configuration) : undefined;
    const shown = line.has('quiet') ? [] : graphs;
    if (line.has('json')) {
      const unused = unlisted.map(({ name, at }) => ({ name, defined_at: formatPosition(at) }));
      printJson({
        valid: isValid,
        problems,
        ...(cloud ? { cloud: viewCloud(cloud) } : {}),
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
      if (cloud) print(printableLines(`\n${describeCloud(cloud)}`));
      if (line.has('cloud') && !isValid) print('The rights are not tried: the configuration is wrong.');
    }
    return isValid && (cloud?.isGood ?? true) ? EXIT.ok : EXIT.failed;
  },
};

function describeCloud({ cloud, rights, hosts }: CloudExamination): string {
  const lines = rights.map(({ right, verdict: state, reason }) => {
    return `  ${state.padEnd(7)}  ${right}${reason === '' ? '' : `: ${reason}`}`;
  });
  const found = hosts.map(({ isUsable, message }) => `  ${isUsable ? 'note' : 'error'}: ${message}`);
  return [`Rights at ${cloud}:`, ...lines, ...(found.length > 0 ? ['Hosts:', ...found] : [])].join('\n');
}

function viewCloud({ cloud, rights, hosts, isGood }: CloudExamination): object {
  const findings = hosts.map(({ isUsable, message }) => ({ severity: isUsable ? 'note' : 'error', message }));
  return { description: cloud, good: isGood, rights, hosts: findings };
}
