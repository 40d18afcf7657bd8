import { spawn } from 'node:child_process';

/**
 * Runs a program to its end.
 *
 * Invariant: when the promise settles, nothing of the program's process group runs: a program that is cut short (timeout,
 * abort by the caller) takes its children with it, in all namespaces.
 */

export interface ExecuteOptions {
  /** Default one minute. */
  readonly timeoutMs?: number;
  /** The whole environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  readonly signal?: AbortSignal;
}

export interface Executed {
  /** 128 + its number if a signal ended the program, as in a shell. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const DEFAULT_TIMEOUT_MS = 60_000;
const SIGNAL_NUMBERS: Partial<Record<NodeJS.Signals, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGTERM: 15,
};

export async function execute(argv: readonly string[], options: ExecuteOptions = {}): Promise<Executed> {
  const [program = '', ...words] = argv;
  options.signal?.throwIfAborted();
  const child = spawn(program, words, { detached: true, env: options.env ?? { PATH }, stdio: 'pipe' });
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  child.stdout.on('data', (part: Buffer) => output.stdout.push(part));
  child.stderr.on('data', (part: Buffer) => output.stderr.push(part));
  const text = (parts: Buffer[]): string => Buffer.concat(parts).toString('utf8');
  // A program need not read what it is given.
  child.stdin.on('error', () => {}).end(options.stdin);
  let cutShort: Error | undefined;
  const cut = (error: Error): void => {
    cutShort ??= error;
    if (child.pid !== undefined) killGroup(child.pid);
    // What left the group may hold the other ends.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const timer = setTimeout(() => cut(new Error(`did not end within ${timeoutMs} ms`)), timeoutMs);
  const abort = (): void => cut(new Error('was aborted', { cause: options.signal?.reason }));
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    const status = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve(code ?? 128 + ((signal && SIGNAL_NUMBERS[signal]) || 0)));
    });
    if (cutShort) throw cutShort;
    return { status, stdout: text(output.stdout), stderr: text(output.stderr) };
  } catch (error) {
    const reported = `${text(output.stdout)}${text(output.stderr)}`.slice(-4000);
    throw new Error(
      `${argv.join(' ')}: ${error instanceof Error ? error.message : error}. Its output: ${reported || '(none)'}`,
      {
        cause: error,
      },
    );
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', abort);
  }
}

/** The same, where anything but success is an error. */
export async function mustExecute(argv: readonly string[], options: ExecuteOptions = {}): Promise<string> {
  const { status, stdout, stderr } = await execute(argv, options);
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
