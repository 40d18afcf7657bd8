/** A place to try programs of tasks: a directory with scripts, and calls of the driver as an engine makes them. */
import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DriverCall } from '#engine/task-drivers/driver.ts';

/** Upper bound of every wait: the machine may be busy. */
const LIMIT_MS = 20_000;

export interface CallSettings {
  readonly provides?: readonly string[];
  readonly inputs?: DriverCall['inputs'];
  readonly parameters?: DriverCall['parameters'];
  readonly user?: string;
  readonly options?: Readonly<Record<string, string | boolean>>;
  readonly signal?: AbortSignal;
  readonly stepKey?: string;
  readonly task?: string;
  readonly guard?: DriverCall['context']['guard'];
  readonly isResumed?: true;
}

/** Resolves when it is so. Throws when it takes too long. */
export async function until(isSo: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`never came: ${what}`);
    await delay(10);
  }
}

export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

export class ProgramBench implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'recovery-agent-program-'));
  readonly progress: { readonly message: string; readonly progress: number | undefined; readonly at: number }[] = [];
  readonly logged: string[] = [];

  constructor() {
    // For programs that run as another user.
    chmodSync(this.directory, 0o755);
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** A shell script; `$HERE` in it is this directory. */
  script(body: string, name = 'task'): string {
    const path = this.path(name);
    writeFileSync(path, `#!/bin/sh\nHERE='${this.directory}'\n${body}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  /** A script of Node, run by a program of its own so that the path of Node need not be safe. */
  node(body: string, name = 'task'): string {
    writeFileSync(this.path(`${name}.cjs`), body);
    return this.script(`exec '${process.execPath}' "$HERE/${name}.cjs" "$@"`, name);
  }

  call(argv: readonly string[], settings: CallSettings = {}): DriverCall {
    const { provides = [], inputs = {}, parameters = {}, user = '', task = 'alert', isResumed } = settings;
    const signal = settings.signal ?? new AbortController().signal;
    const stepKey = settings.stepKey ?? `${randomUUID()}/${task}`;
    const definition = { provides, options: { command: argv, user } } as unknown as DriverCall['definition'];
    const context = {
      signal,
      guard: settings.guard ?? { isFresh: () => true, confirm: async () => {} },
      progress: (message: string, progress?: number) =>
        this.progress.push({ message, progress, at: performance.now() }),
      log: (level: string, message: string, fields: object = {}) =>
        this.logged.push(`${level} ${message} ${JSON.stringify(fields)}`),
    } as unknown as DriverCall['context'];
    const options = { command: argv, user, ...settings.options };
    const isAgain = isResumed ?? false;
    const place = { task, name: task, occurrence: 1, phase: 'post' } as const;
    const given = { inputs, parameters, outputs: {} };
    return { ...place, stepKey, attempt: 1, isResumed: isAgain, ...given, definition, options, context };
  }

  /** Waits for a file that a script writes, and reads it without its last newline. */
  async written(name: string): Promise<string> {
    const path = this.path(name);
    await until(() => existsSync(path) && readFileSync(path, 'utf8').endsWith('\n'), name);
    return readFileSync(path, 'utf8').trimEnd();
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
