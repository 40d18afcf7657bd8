import { execFile } from 'node:child_process';

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Upper bound of a program; lintian takes 15 s. */
const LIMIT_MS = 240_000;
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/** Runs a program to its end in a clean environment; the caller checks its exit code. */
export function run(
  argv: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  limitMs = LIMIT_MS,
): Promise<Ended> {
  const [program = '', ...words] = argv;
  const env = { PATH, HOME: '/root', LC_ALL: 'C.UTF-8', ...environment };
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      words,
      { env, timeout: limitMs, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error && typeof error.code !== 'number') {
          reject(new Error(`${argv.join(' ')} did not end by itself:\n${stdout}${stderr}`, { cause: error }));
        } else {
          resolve({ code: Number(error?.code ?? 0), stdout, stderr });
        }
      },
    );
    child.stdin?.end();
  });
}

/** The same where anything but success is an error; resolves with what it printed. */
export async function must(argv: readonly string[], environment?: Readonly<Record<string, string>>): Promise<string> {
  const { code, stdout, stderr } = await run(argv, environment);
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}
