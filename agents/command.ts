/** The form of a subcommand, and how its command line is parsed. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { nearest } from '#config/document/nearest.ts';
import { faultOfReason } from '#protocol/origin.ts';
import { CommandFailure, EXIT, type ExitCode } from './exit-codes.ts';

export interface OptionHelp {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  /** Placeholder of the value in the help text, e.g. `FILE`. */
  readonly value?: string;
  /** The possible values, where they are few; completion offers them. */
  readonly values?: readonly string[];
  /** It may be given several times. */
  readonly isMultiple?: true;
  readonly help: string;
}

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** e.g. `UUID` or `[FILE]`. */
  readonly positionals: string;
  readonly options: Readonly<Record<string, OptionHelp>>;
  readonly maxPositionals: number;
  /** Meaning of the exit codes of this command, for the help; absent: only the common ones. */
  readonly exitCodes?: string;
  run(line: CommandLine): Promise<ExitCode>;
}

export interface CommandLine {
  readonly positionals: readonly string[];
  text(option: string): string | undefined;
  /** Of an option that may be given several times. */
  texts(option: string): readonly string[];
  has(option: string): boolean;
}

/** Options that every command takes. */
export const COMMON_OPTIONS: Readonly<Record<string, OptionHelp>> = {
  config: {
    type: 'string',
    short: 'c',
    value: 'FILE',
    help: 'configuration file (default: /etc/recovery-agent/recovery-agent.conf)',
  },
  help: { type: 'boolean', short: 'h', help: 'show this help' },
};

/** The address of the engine. */
export const ENGINE_OPTIONS: Readonly<Record<string, OptionHelp>> = {
  socket: { type: 'string', value: 'PATH', help: "the engine's unix socket (default: [engine] socket)" },
  engine: {
    type: 'string',
    value: 'HOST[:PORT]',
    help: 'the engine on another node, over TLS: it must name this host in [transport] operators',
  },
};

export const JSON_OPTION: Readonly<Record<string, OptionHelp>> = {
  json: { type: 'boolean', help: 'print JSON' },
};

export const REASON_OPTION: Readonly<Record<string, OptionHelp>> = {
  reason: { type: 'string', value: 'TEXT', help: 'why: kept in the audit, see "recovery-agent audit"' },
};

/** What `--reason` gives, as a parameter of a request. Throws `CommandFailure`. */
export function reasonIn(line: CommandLine): { readonly reason?: string } {
  const reason = line.text('reason')?.trim();
  if (reason === undefined) return {};
  const fault = faultOfReason(reason);
  if (fault !== undefined) throw new CommandFailure(EXIT.usage, `--reason ${fault}`);
  return { reason };
}

/** What `--limit` gives. Throws `CommandFailure`. */
export function limitIn(line: CommandLine, fallback: number): number {
  const limit = Number(line.text('limit') ?? fallback);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 10_000) return limit;
  throw new CommandFailure(EXIT.usage, '--limit must be a whole number from 1 to 10000');
}

/** Reads the arguments of a command. Throws `CommandFailure` with the usage exit code. */
export function readCommandLine(command: Command, argv: readonly string[]): CommandLine {
  const options: ParseArgsOptionsConfig = {};
  for (const [name, { type, short, isMultiple }] of Object.entries({ ...COMMON_OPTIONS, ...command.options })) {
    options[name] = { type, ...(short ? { short } : {}), ...(isMultiple ? { multiple: true } : {}) };
  }
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
    if (positionals.length > command.maxPositionals) {
      throw new Error(`unexpected argument "${positionals[command.maxPositionals]}"`);
    }
    return {
      positionals,
      text: (option) => {
        const value = values[option];
        return typeof value === 'string' ? value : undefined;
      },
      texts: (option) => {
        const value = values[option];
        return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
      },
      has: (option) => values[option] === true,
    };
  } catch (error) {
    const raised = error instanceof Error ? error : new Error(String(error));
    throw new CommandFailure(EXIT.usage, reasonOf(raised, command.name, Object.keys(options)));
  }
}

/** The fault of the arguments, with the probable intention or a reference to the help. */
function reasonOf(error: Error, command: string, options: readonly string[]): string {
  const [reason = ''] = error.message.split('. To specify');
  const isUnknown = 'code' in error && error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION';
  const written = isUnknown ? /'--([^']+)'/.exec(reason)?.[1] : undefined;
  const meant = written === undefined ? undefined : nearest(written, options);
  return meant === undefined
    ? `${reason}; see "recovery-agent ${command} --help"`
    : `${reason}; did you mean "--${meant}"?`;
}

export function helpOf(command: Command): string {
  const lines = Object.entries({ ...command.options, ...COMMON_OPTIONS }).map(([name, { short, value, help }]) => {
    const flags = `${short ? `-${short}, ` : '    '}--${name}${value ? ` ${value}` : ''}`;
    return `  ${flags.padEnd(32)} ${help}`;
  });
  const usage = `Usage: recovery-agent ${command.name} [OPTIONS]${command.positionals ? ` ${command.positionals}` : ''}`;
  const codes = command.exitCodes === undefined ? [] : ['', `Exit codes: ${command.exitCodes}.`];
  return [usage, '', `${command.summary}.`, '', 'Options:', ...lines, ...codes, ''].join('\n');
}

/** The only positional argument. Throws when it is missing. */
export function requiredPositional(line: CommandLine, what: string): string {
  const [value] = line.positionals;
  if (value === undefined) throw new CommandFailure(EXIT.usage, `${what} is missing`);
  return value;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The only positional argument, which names a notification. Throws when it cannot. */
export function requiredUuid(line: CommandLine): string {
  const uuid = requiredPositional(line, 'the UUID of a notification').toLowerCase();
  if (!UUID.test(uuid)) throw new CommandFailure(EXIT.usage, `"${uuid}" is not the UUID of a notification`);
  return uuid;
}
