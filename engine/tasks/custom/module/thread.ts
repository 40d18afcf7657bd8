/**
 * First file of the thread that a module runs in: loads it, calls one function of it, tells how that ended.
 *
 * Invariant: no file is loaded that others than root and our user can write, neither the module nor what it imports.
 */
import { registerHooks } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { LOG_LEVELS } from '#protocol/log.ts';
import type { Call } from '#protocol/task-module.ts';
import { faultOfFile } from '../trusted-file.ts';
import { answerOf } from './answer.ts';
import { type End, lineOf, messageOf, type Order, type Report, type THROWN, type Work } from './wire.ts';

const port = parentPort;
if (!port) throw new Error('the thread of a module is started by its process');
const report = (message: Report): void => port.postMessage(message);
const work = workerData as Work;

/** What the helpers of a call make: errors that say how they are to be taken. */
class ToldError extends Error {
  readonly as: (typeof THROWN)[number];

  constructor(as: (typeof THROWN)[number], message: string) {
    super(message);
    this.as = as;
  }
}

function callOf(signal: AbortSignal): Call {
  return {
    ...work.call,
    signal,
    progress: (message, fraction) => {
      const isFraction = typeof fraction === 'number' && Number.isFinite(fraction);
      const bounded = isFraction ? Math.min(Math.max(fraction, 0), 1) : null;
      report({ is: 'progress', message: lineOf(message), fraction: bounded });
    },
    log: (level, message) => {
      report({ is: 'log', level: LOG_LEVELS.includes(level) ? level : 'info', message: lineOf(message) });
    },
    notDone: (message) => new ToldError('not done', message),
    inDoubt: (message) => new ToldError('in doubt', message),
    skipRecovery: (message) => new ToldError('skip recovery', message),
    ignoreRecovery: (message) => new ToldError('ignore recovery', message),
  };
}

function refuseUntrusted(): void {
  registerHooks({
    load(url, context, next) {
      const fault = url.startsWith('file:') ? faultOfFile(fileURLToPath(url)) : undefined;
      if (fault) throw new Error(fault);
      return next(url, context);
    },
  });
}

async function loadFunction(): Promise<(call: Call) => unknown> {
  refuseUntrusted();
  const module: { readonly [name: string]: unknown } = await import(pathToFileURL(work.module).href);
  const found = module[work.function];
  if (typeof found !== 'function') throw new Error(`it exports no function "${work.function}"`);
  return found as (call: Call) => unknown;
}

async function endOfWork(): Promise<End> {
  const controller = new AbortController();
  port?.on('message', (order: Order) => {
    if (order.do === 'abort') controller.abort(new Error(order.reason));
  });
  // A module that has nothing left to wait for has ended, whether it answered or not.
  port?.unref();
  let called: (call: Call) => unknown;
  try {
    called = await loadFunction();
  } catch (error) {
    return { end: 'not called', message: lineOf(`${work.module} cannot be loaded: ${messageOf(error)}`) };
  }
  let returned: unknown;
  try {
    returned = await called(callOf(controller.signal));
  } catch (error) {
    if (error instanceof Error && !(error instanceof ToldError)) process.stderr.write(`${error.stack}\n`);
    return { end: 'threw', as: error instanceof ToldError ? error.as : 'failed', message: messageOf(error) };
  }
  const answer = answerOf(returned);
  if ('json' in answer) return { end: 'returned', json: answer.json };
  return { end: 'lost', message: lineOf(`it ended, but what it returned ${answer.fault}`) };
}

/** What was printed before goes first. */
async function flushed(stream: NodeJS.WriteStream): Promise<void> {
  await new Promise<void>((resolve) => stream.write('', () => resolve()));
}

async function main(): Promise<void> {
  const end = await endOfWork();
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  report({ is: 'end', end });
}

void main();
