/** The command line: finds the subcommand, loads only its code, and turns its result into an exit code. */
import { printableLines } from '#protocol/printable.ts';
import { helpOf, readCommandLine } from './command.ts';
import { COMMAND_NAMES, COMMAND_SUMMARIES, isCommandName, type LoadCommand } from './command-table.ts';
import { leaveMemoryOutOfCoreDumps } from './core-dumps.ts';
import { CommandFailure, EXIT, type ExitCode, isCommandFailure } from './exit-codes.ts';
import { reportFailure } from './start-report.ts';
import { describeVersion } from './version.ts';

function overview(): string {
  const lines = COMMAND_SUMMARIES.map(([name, summary]) => `  ${name.padEnd(10)} ${summary}`);
  return [
    'Usage: recovery-agent COMMAND [OPTIONS]',
    '',
    'Instance high availability for OpenStack.',
    '',
    'Commands:',
    ...lines,
    '',
    '"recovery-agent COMMAND --help" prints the options of a command. "recovery-agent --version" prints the version.',
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
  if (!isCommandName(name)) {
    const { didYouMean } = await import('#config/document/nearest.ts');
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
  leaveMemoryOutOfCoreDumps();
  // A reader that has seen enough (head) is no failure of ours: the rest is not shown and the exit code stays true.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    process.stderr.write(`recovery-agent: standard output cannot be written: ${error.message}\n`);
    process.exit(EXIT.failed);
  });
  // No reader is left for an error message, and an engine continues without a reader of its log.
  process.stderr.on('error', () => {});

  try {
    process.exitCode = await dispatch(argv, load);
  } catch (error) {
    const isExplained = isCommandFailure(error);
    const text = isExplained ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`recovery-agent: ${printableLines(text)}\n`);
    reportFailure(isExplained || !(error instanceof Error) ? text : error.message);
    process.exitCode = isExplained ? error.exitCode : EXIT.failed;
  }
}
