/**
 * One call of a module on the engine's side: a process of its own, its reports, and its end.
 *
 * Invariant: `call` settles only when the process has ended, or cannot be ended at all. It is killed, with the group that it leads, at the
 * latest when the grace period after the signal's abort is over.
 */
import type { ChildProcess } from 'node:child_process';
import { Duplex } from 'node:stream';
import type { ActGuard } from '#openstack/act-guard.ts';
import type { Log } from '#protocol/log.ts';
import { MAX_REPORT_BYTES, receive, send } from './channel.ts';
import { sendLines } from './output-lines.ts';
import { startProcess } from './start.ts';
import { type End, GRACE_MS, lineOf, MAX_LOG_LINES, messageOf, type Order, readReport, type Work } from './wire.ts';

/** Maximum time for the kernel to end a killed process, and for pipes to deliver their content, ms. */
const AFTERMATH_MS = 5000;

export interface Surroundings {
  readonly guard: ActGuard;
  /** The limit of a real process is in real time, not in that of the engine's clock. */
  readonly signal: AbortSignal;
  readonly log: Log;
  progress(message: string, fraction?: number): void;
  /** For tests. */
  readonly graceMs?: number;
}

/** Calls one function of a module. @throws the error of the guard; the function was not called then */
export async function callModule(work: Work, around: Surroundings): Promise<End> {
  if (around.signal.aborted) return { end: 'not called', message: 'timed out before it was called' };
  return new Call(startProcess(work.module), around).run(work);
}

class Call {
  readonly #child: ChildProcess;
  /** Undefined: the process could not be started. */
  readonly #channel: Duplex | undefined;
  readonly #around: Surroundings;
  /** Settles when the process is over, with all its output. */
  readonly #closed: Promise<void>;
  readonly #ended = Promise.withResolvers<void>();
  readonly #ready = Promise.withResolvers<void>();
  #end: End | undefined;
  #isCalled = false;
  #how = 'it was not started';
  #stubborn: string | undefined;

  constructor(child: ChildProcess, around: Surroundings) {
    this.#child = child;
    this.#around = around;
    const budget = { left: MAX_LOG_LINES };
    if (child.stdout) sendLines(child.stdout, budget, (line) => around.log('info', line, { stream: 'stdout' }));
    if (child.stderr) sendLines(child.stderr, budget, (line) => around.log('warning', line, { stream: 'stderr' }));
    const [, , , channel] = child.stdio;
    this.#channel = channel instanceof Duplex ? channel : undefined;
    if (this.#channel) receive(this.#channel, MAX_REPORT_BYTES, (message) => this.#receive(message));
    child.once('error', (error) => this.#over(`its process cannot be started: ${messageOf(error)}`));
    child.once('exit', (code, signal) =>
      this.#over(`its process ended without a response (${signal ?? `exit code ${code}`}); see the log`),
    );
    this.#closed = new Promise((resolve) => child.once('close', () => resolve()));
  }

  async run(work: Work): Promise<End> {
    const { signal, guard, graceMs = GRACE_MS } = this.#around;
    let grace: NodeJS.Timeout | undefined;
    const abort = (): void => {
      // Before it is called there is nothing to wait for.
      if (!this.#isCalled) this.#kill();
      else {
        this.#order({ do: 'abort', reason: messageOf(signal.reason) });
        grace ??= setTimeout(() => {
          this.#stubborn = `it did not end within ${graceMs / 1000} s after the request to stop`;
          this.#kill();
        }, graceMs);
      }
    };
    signal.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([this.#ready.promise, this.#ended.promise]);
      if (!signal.aborted && this.#child.exitCode === null && this.#child.signalCode === null) {
        if (!guard.isFresh()) await guard.confirm();
        if (!signal.aborted) {
          this.#isCalled = true;
          this.#order({ do: 'work', work });
        }
      }
      await this.#ended.promise;
    } finally {
      signal.removeEventListener('abort', abort);
      clearTimeout(grace);
      this.#kill();
      await this.#aftermath();
    }
    if (this.#end) return this.#end;
    return this.#isCalled
      ? { end: 'lost', message: lineOf(this.#stubborn ?? this.#how) }
      : { end: 'not called', message: lineOf(signal.aborted ? 'timed out before it was called' : this.#how) };
  }

  #receive(message: unknown): void {
    const report = readReport(message);
    switch (report?.is) {
      case 'ready':
        this.#ready.resolve();
        break;
      case 'progress':
        this.#around.progress(report.message, report.fraction ?? undefined);
        break;
      case 'log':
        this.#around.log(report.level, report.message);
        break;
      case 'end':
        this.#end ??= report.end;
        this.#ended.resolve();
        break;
    }
  }

  #over(how: string): void {
    this.#how = how;
    this.#ended.resolve();
  }

  #order(order: Order): void {
    // A process that is gone reports that by its end.
    if (this.#channel) send(this.#channel, order);
  }

  /** The group too. Its number is not reused while the process has not been waited for. */
  #kill(): void {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has not made its group yet, or is just ending.
      this.#child.kill('SIGKILL');
    }
    this.#ended.resolve();
  }

  /** Waits until it is over; a process that cannot be ended (a hanging disk) is left behind, and blocks nothing. */
  async #aftermath(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, AFTERMATH_MS);
    });
    await Promise.race([this.#closed, limit]);
    clearTimeout(timer);
    for (const stream of [this.#child.stdout, this.#child.stderr, this.#channel]) stream?.destroy();
    this.#child.unref();
  }
}
