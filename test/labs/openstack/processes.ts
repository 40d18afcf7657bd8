import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { waitUntil } from '../waiting.ts';
import { endGroup, endGroups, forgetGroups, LAB_VARIABLE, labMark, recordGroup } from './process_groups.ts';

interface Started {
  readonly child: ChildProcess;
  /** A detached child leads a process group that bears its pid. */
  readonly group: number;
  /** Size of its log file before its start, in bytes: its own lines come after that. */
  readonly logFrom: number;
  /** The exit code or the name of the signal. */
  readonly ended: Promise<number | string>;
}

/**
 * The running processes of one lab, by name, each in a process group of its own with a log file of its own.
 *
 * Invariant: none outlives the program that started it (see `reaper.ts`).
 */
export class Processes {
  readonly #directory: string;
  readonly #mark: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #running = new Map<string, Started>();
  readonly #reaperInput: Writable;
  #closed = false;

  private constructor(directory: string, mark: string, reaperInput: Writable) {
    this.#directory = directory;
    this.#mark = mark;
    this.#environment = {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      LC_ALL: 'C.UTF-8',
      HOME: directory,
      PYTHONWARNINGS: 'ignore',
      PYTHONDONTWRITEBYTECODE: '1',
      [LAB_VARIABLE]: mark,
    };
    this.#reaperInput = reaperInput;
  }

  /** Also ends what an earlier lab of this directory may have left. */
  static async open(directory: string): Promise<Processes> {
    mkdirSync(join(directory, 'log'), { recursive: true });
    await endGroups(directory, labMark(directory));
    forgetGroups(directory);
    const mark = labMark(directory, randomUUID());
    const reaper = spawn(process.execPath, [join(import.meta.dirname, 'reaper.ts'), directory, mark], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    await once(reaper, 'spawn');
    reaper.unref();
    (reaper.stdin as Writable & { unref?: () => void }).unref?.();
    return new Processes(directory, mark, reaper.stdin);
  }

  /** Starts a program that runs until `kill`; its output goes to `log/<name>.log`. */
  async start(name: string, command: readonly string[], environment: Record<string, string> = {}): Promise<void> {
    if (this.isRunning(name)) throw new Error(`${name} runs already in the lab ${this.#directory}.`);
    const started = await this.#spawn(name, command, environment);
    started.child.unref();
    this.#running.set(name, started);
  }

  /** Runs a program to its end, at most `seconds`. */
  async run(
    name: string,
    command: readonly string[],
    seconds: number,
    environment: Record<string, string> = {},
  ): Promise<void> {
    const { child, ended } = await this.#spawn(name, command, environment);
    const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
    const how = await ended;
    clearTimeout(timer);
    if (how !== 0) throw new Error(`${command.join(' ')} ended with ${how}.\n${this.logTail(name)}`);
  }

  isRunning(name: string): boolean {
    const process = this.#running.get(name);
    return process !== undefined && process.child.exitCode === null && process.child.signalCode === null;
  }

  /** Whether the process has written this text since it was started. */
  hasLogged(name: string, text: string): boolean {
    const process = this.#running.get(name);
    return process !== undefined && readFileSync(this.logFile(name)).includes(text, process.logFrom);
  }

  /** SIGKILL to the whole group, as a host that lost its power would end; resolves when all are gone. */
  async kill(name: string): Promise<void> {
    const process = this.#running.get(name);
    if (process === undefined) return;
    await endGroup(this.#mark, process.group);
    this.#running.delete(name);
  }

  /** Waits until `look` gives something; when the process ends or time is up, the error shows the end of its log. */
  async ready<T>(name: string, seconds: number, read: () => Promise<T | undefined>): Promise<T> {
    const outageRetry = { what: `${name} to be ready`, seconds, everyMs: 200 };
    try {
      return await waitUntil(outageRetry, async () => {
        const seen = await read();
        if (seen === undefined && !this.isRunning(name)) throw new Error(`${name} ended before it was ready.`);
        return seen;
      });
    } catch (error) {
      throw new Error(`${name} did not come up.\n${this.logTail(name)}`, { cause: error });
    }
  }

  logFile(name: string): string {
    return join(this.#directory, 'log', `${name}.log`);
  }

  /** What the process wrote since it was started, without the requests that it served before. */
  logTail(name: string): string {
    const file = this.logFile(name);
    const text = existsSync(file) ? readFileSync(file, 'utf8').slice(this.#running.get(name)?.logFrom ?? 0) : '';
    return `The end of ${file}:\n${text.slice(-2000)}`;
  }

  async endAll(): Promise<void> {
    this.#closed = true;
    await endGroups(this.#directory, this.#mark);
    this.#running.clear();
    this.#reaperInput.end();
  }

  async #spawn(name: string, command: readonly string[], environment: Record<string, string>): Promise<Started> {
    if (this.#closed) throw new Error(`The lab was stopped before ${name} was started.`);
    const [program, ...words] = command;
    if (program === undefined) throw new Error(`No command for ${name}.`);
    const log = openSync(this.logFile(name), 'a');
    const logFrom = fstatSync(log).size;
    try {
      const child = spawn(program, words, {
        cwd: this.#directory,
        detached: true,
        env: { ...this.#environment, ...environment },
        stdio: ['ignore', log, log],
      });
      const ended = new Promise<number | string>((resolve) => {
        child.once('exit', (code, signal) => resolve(code ?? signal ?? 'nothing known'));
      });
      // Known at once, before anything else can happen: a lab that is stopped at this moment must find it.
      if (child.pid === undefined) throw (await once(child, 'error'))[0];
      recordGroup(this.#directory, child.pid);
      return { child, group: child.pid, logFrom, ended };
    } catch (error) {
      throw new Error(`${program} could not be started for the lab's ${name}.`, { cause: error });
    } finally {
      closeSync(log);
    }
  }
}
