/** The first lines of the program: finds the subcommand, loads only what it needs, turns its end into an exit code. */
import { type Command, helpOf, readCommandLine } from './command.ts';
import { CommandFailure, EXIT, type ExitCode } from './exit-codes.ts';
import { printableLines } from './printable.ts';
import { VERSION } from './version.ts';

const COMMANDS: Readonly<Record<string, readonly [summary: string, load: () => Promise<Command>]>> = {
  engine: ['run the resident engine', async () => (await import('./commands/engine.ts')).engine],
  notify: ['report a failure', async () => (await import('./commands/notify.ts')).notify],
  list: ['list notifications', async () => (await import('./commands/list.ts')).list],
  status: ['show the engine and what is going on', async () => (await import('./commands/status.ts')).status],
  show: ['show one notification, its progress and instances', async () => (await import('./commands/show.ts')).show],
  retry: ['take a failed or ignored one up again', async () => (await import('./commands/retry.ts')).retry],
  host: ['say whether a host is reserved', async () => (await import('./commands/host.ts')).host],
  validate: ['check a configuration file', async () => (await import('./commands/validate.ts')).validate],
};

function overview(): string {
  const lines = Object.entries(COMMANDS).map(([name, [summary]]) => `  ${name.padEnd(10)} ${summary}`);
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
    'of the engine: 10 lease lost, 11 journal failed, 12 another engine holds the journal.',
    '',
  ].join('\n');
}

async function main(argv: readonly string[]): Promise<ExitCode> {
  const [name, ...rest] = argv;
  if (name === undefined) {
    process.stderr.write(overview());
    return EXIT.usage;
  }
  if (name === '--version' || name === '-V') {
    process.stdout.write(`recovery-agent ${VERSION}\n`);
    return EXIT.ok;
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(overview());
    return EXIT.ok;
  }
  if (!Object.hasOwn(COMMANDS, name)) {
    const { didYouMean } = await import('#config/nearest.ts');
    const hint = didYouMean(name, Object.keys(COMMANDS));
    throw new CommandFailure(EXIT.usage, `there is no command "${name}"${hint || '; see "recovery-agent --help"'}`);
  }
  const [, load] = COMMANDS[name] ?? [];
  if (!load) return EXIT.usage;
  const command = await load();
  const line = readCommandLine(command, rest);
  if (line.has('help')) {
    process.stdout.write(helpOf(command));
    return EXIT.ok;
  }
  return command.run(line);
}

// A reader that has seen enough (head) is no failure of ours: the rest is not shown and the exit code stays true.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`recovery-agent: standard output cannot be written: ${error.message}\n`);
  process.exit(EXIT.failed);
});
// Nobody is left to be told, and an engine goes on without a reader of its log.
process.stderr.on('error', () => {});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isTold = error instanceof CommandFailure;
  const text = isTold ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`recovery-agent: ${printableLines(text)}\n`);
  process.exitCode = isTold ? error.exitCode : EXIT.failed;
}
