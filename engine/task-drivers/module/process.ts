/**
 * The process of one call of a module. The module runs in a thread; this main thread passes its reports on at a limited rate, and ends
 * everything.
 *
 * It is a process because a thread cannot be contained: `for (;;) list.push(1)` in a worker thread ends the whole program (measured with
 * Node 24.21: V8 aborts if one allocation does not fit, with any `resourceLimits`).
 *
 * Invariant: it does not outlive the engine. This thread never blocks, so that it always detects the end of the engine; then the whole
 * process group is killed, before another engine can start.
 */
import { writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { channelToEngine, MAX_ORDER_BYTES, receive, send } from './channel.ts';
import { Pace } from './progress-rate.ts';
import { startThread } from './start.ts';
import {
  type End,
  lineOf,
  MAX_LOG_LINES,
  MEMORY_MB,
  messageOf,
  type Order,
  PROGRESS_PACE_MS,
  type Report,
  readReport,
} from './wire.ts';

const TOO_MANY_LINES = '(log lines from here on are dropped: too many lines)';
const MEMORY_READ_MS = 100;
/** The engine always reads; this only limits the wait. */
const PRINTING_MS = 2000;

/** Ends this process and all processes that the module started and left in the group. */
function endGroup(): void {
  try {
    process.kill(-process.pid, 'SIGKILL');
  } catch {
    // Started by hand, not as leader of a group.
  }
  process.exit(1);
}

class ModuleProcess {
  readonly #engine: Socket;
  readonly #pace = new Pace<Report>((line) => send(this.#engine, line), PROGRESS_PACE_MS);
  #worker: Worker | undefined;
  #logLines = 0;
  #isOver = false;

  constructor(engine: Socket) {
    this.#engine = engine;
  }

  obey(order: Order): void {
    if (order.do === 'abort') this.#worker?.postMessage(order);
    else if (!this.#worker) this.#begin(order);
  }

  #begin({ work }: Extract<Order, { do: 'work' }>): void {
    let worker: Worker;
    try {
      worker = startThread(work);
    } catch (error) {
      this.#end({ end: 'not called', message: lineOf(`no thread could be started: ${messageOf(error)}`) });
      return;
    }
    this.#worker = worker;
    worker.on('message', (message) => this.#receive(message));
    worker.on('error', (error: unknown) => {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      const why =
        code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? 'it filled its memory'
          : `an uncaught error ended it: ${messageOf(error)}`;
      if (error instanceof Error) process.stderr.write(`${error.stack}\n`);
      this.#end({ end: 'lost', message: lineOf(why) });
    });
    worker.on('exit', (code) => {
      this.#end({ end: 'lost', message: `it ended without a response (exit code ${code})` });
    });
    setInterval(() => {
      const used = process.memoryUsage.rss() / 1024 / 1024;
      if (used > MEMORY_MB) this.#end({ end: 'lost', message: `it used more than ${MEMORY_MB} MB of memory` });
    }, MEMORY_READ_MS);
  }

  #receive(message: unknown): void {
    const report = readReport(message);
    switch (report?.is) {
      case 'progress':
        this.#pace.report(report);
        break;
      case 'log':
        this.#logLines += 1;
        if (this.#logLines < MAX_LOG_LINES) send(this.#engine, report);
        else if (this.#logLines === MAX_LOG_LINES) send(this.#engine, { ...report, message: TOO_MANY_LINES });
        break;
      case 'end':
        this.#end(report.end);
        break;
    }
  }

  /** Only the first end counts. */
  #end(end: End): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#pace.flush();
    const report: Report = { is: 'end', end };
    void printed(this.#worker).then(() => send(this.#engine, report, endGroup));
  }
}

/** Ends the thread; resolves when the engine has all its output, or does not read. */
async function printed(worker: Worker | undefined): Promise<void> {
  const all = async (): Promise<void> => {
    await worker?.terminate();
    // Both are piped into ours.
    for (const stream of worker ? [worker.stdout, worker.stderr] : []) {
      if (!stream.readableEnded) await new Promise<void>((resolve) => stream.once('end', () => resolve()));
    }
    for (const stream of [process.stdout, process.stderr]) {
      await new Promise<void>((resolve) => stream.write('', () => resolve()));
    }
  };
  await Promise.race([all(), delay(PRINTING_MS)]);
}

export function runModuleProcess(): void {
  const engine = channelToEngine();
  if (!engine) {
    process.stderr.write('recovery-agent starts this itself, for tasks that are modules.\n');
    process.exitCode = 2;
    return;
  }
  try {
    // If the kernel has to end a process for lack of memory, it is this process before the engine.
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Some containers allow it to no process.
  }
  const here = new ModuleProcess(engine);
  engine.on('close', endGroup);
  // Only the engine writes at the other end.
  receive(engine, MAX_ORDER_BYTES, (order) => here.obey(order as Order));
  const ready: Report = { is: 'ready' };
  send(engine, ready);
}
