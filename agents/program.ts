/** The command line: finds the subcommand, loads only what it needs, turns its end into an exit code. */
import { type Command, helpOf, readCommandLine } from './command.ts';
import { CommandFailure, EXIT, type ExitCode, isCommandFailure } from './exit-codes.ts';
import { printableLines } from './printable.ts';
import { reportFailure } from './start-report.ts';
import { describeVersion } from './version.ts';

/** What there is and what it does, in the order of the help. */
const SUMMARIES = {
  engine: 'run the resident engine',
  notify: 'report a failure',
  list: 'list notifications',
  status: 'show the engine and what is going on',
  show: 'show one notification, its tasks and instances',
  retry: 'take a failed or ignored one up again',
  rollback: 'take back what a running one did',
  restart: 'begin a running one anew',
  host: 'say whether a host is reserved',
  validate: 'check a configuration file',
  simulate: 'try the task lists on a simulated cloud',
  monitor: 'watch hosts, processes, instances, guests',
  keygen: 'make the key that engines and hosts share',
} as const;

export type CommandName = keyof typeof SUMMARIES;
export const COMMAND_NAMES = Object.keys(SUMMARIES) as CommandName[];

/** How a command's code is got: by import in a checkout, from an asset in the executable. */
export type LoadCommand = (name: CommandName) => Promise<Command>;

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(SUMMARIES, name);
}

function overview(): string {
  const lines = Object.entries(SUMMARIES).map(([name, summary]) => `  ${name.padEnd(10)} ${summary}`);
  return [
    'Usage: recovery-agent COMMAND [OPTIONS]',
    '',
    'Instance high availability for OpenStack.',
    '',
    'Commands:',
    ...lines,
    '',
    '"recovery-agent COMMAND --help" tells more. "recovery-agent --version" prints the version.',
    'Exit codes: 0 fine, 1 failed, 2 usage, 3 no engine, 4 the recovery did not end well;',
    'of the engine: 5 no usable journal, 10 lease lost, 11 journal failed, 12 another engine holds the journal,',
    '13 the engine of another cluster resource holds it.',
    '',
  ].join('\n');
}

async function dispatch(argv: readonly string[], load: LoadCommand): Promise<ExitCode> {
  const [name, ...rest] = argv;
  if (name === undefined) {
    process.stderr.write(overview());
    return EXIT.usage;
  }
  if (name === '--version' || name === '-V') {
    process.stdout.write(`${describeVersion()}\n`);
    return EXIT.ok;
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(overview());
    return EXIT.ok;
  }
  if (!isCommand(name)) {
    const { didYouMean } = await import('#config/nearest.ts');
    const hint = didYouMean(name, COMMAND_NAMES);
    throw new CommandFailure(EXIT.usage, `there is no command "${name}"${hint || '; see "recovery-agent --help"'}`);
  }
  const command = await load(name);
  const line = readCommandLine(command, rest);
  if (line.has('help')) {
    process.stdout.write(helpOf(command));
    return EXIT.ok;
  }
  return command.run(line);
}

/** Runs the program; sets the exit code of the process. */
export async function runProgram(argv: readonly string[], load: LoadCommand): Promise<void> {
  // A reader that has seen enough (head) is no failure of ours: the rest is not shown and the exit code stays true.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    process.stderr.write(`recovery-agent: standard output cannot be written: ${error.message}\n`);
    process.exit(EXIT.failed);
  });
  // Nobody is left to be told, and an engine goes on without a reader of its log.
  process.stderr.on('error', () => {});

  try {
    process.exitCode = await dispatch(argv, load);
  } catch (error) {
    const isTold = isCommandFailure(error);
    const text = isTold ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`recovery-agent: ${printableLines(text)}\n`);
    reportFailure(isTold || !(error instanceof Error) ? text : error.message);
    process.exitCode = isTold ? error.exitCode : EXIT.failed;
  }
}
