/** First file of the thread that a module runs in: loads it, calls at most one function of it, reports the end. */
import { parentPort, workerData } from 'node:worker_threads';
import { LOG_LEVELS } from '#protocol/log.ts';
import type { Call } from '#protocol/task-module.ts';
import { loadModule } from './loading.ts';
import { answerOf } from './result.ts';
import {
  CALLED_FUNCTIONS,
  type CallData,
  type End,
  lineOf,
  messageOf,
  type Order,
  type Report,
  type THROWN,
  type Work,
} from './wire.ts';

const port = parentPort;
if (!port) throw new Error('the thread of a module is started by its process');
const report = (message: Report): void => port.postMessage(message);
const work = workerData as Work;

/** Errors from the helpers of a call, with their meaning for the task. */
class ReportedError extends Error {
  readonly as: (typeof THROWN)[number];

  constructor(as: (typeof THROWN)[number], message: string) {
    super(message);
    this.as = as;
  }
}

function callOf(data: CallData, signal: AbortSignal): Call {
  return {
    ...data,
    signal,
    progress: (message, fraction) => {
      const isFraction = typeof fraction === 'number' && Number.isFinite(fraction);
      const bounded = isFraction ? Math.min(Math.max(fraction, 0), 1) : null;
      report({ is: 'progress', message: lineOf(message), fraction: bounded });
    },
    log: (level, message) => {
      report({ is: 'log', level: LOG_LEVELS.includes(level) ? level : 'info', message: lineOf(message) });
    },
    notDone: (message) => new ReportedError('not done', message),
    inDoubt: (message) => new ReportedError('in doubt', message),
    skipRecovery: (message) => new ReportedError('skip recovery', message),
    ignoreRecovery: (message) => new ReportedError('ignore recovery', message),
  };
}

async function endOfWork(): Promise<End> {
  const controller = new AbortController();
  port?.on('message', (order: Order) => {
    if (order.do === 'abort') controller.abort(new Error(order.reason));
  });
  // A module without pending work has ended, with or without a response.
  port?.unref();
  const loaded = await loadModule(work.module);
  if ('fault' in loaded) return { end: 'not called', message: lineOf(loaded.fault) };
  if (work.function === 'none') {
    const names = CALLED_FUNCTIONS.filter((name) => typeof loaded.exports[name] === 'function');
    return { end: 'returned', json: JSON.stringify(names) };
  }
  const called = loaded.exports[work.function];
  if (typeof called !== 'function') {
    const message = `${work.module} cannot be used: it exports no function "${work.function}"`;
    return { end: 'not called', message: lineOf(message) };
  }
  let returned: unknown;
  try {
    returned = await called(callOf(work.call, controller.signal));
  } catch (error) {
    if (error instanceof Error && !(error instanceof ReportedError)) process.stderr.write(`${error.stack}\n`);
    return { end: 'threw', as: error instanceof ReportedError ? error.as : 'failed', message: messageOf(error) };
  }
  const answer = answerOf(returned);
  if ('json' in answer) return { end: 'returned', json: answer.json };
  return { end: 'lost', message: lineOf(`it ended, but what it returned ${answer.fault}`) };
}

/** Earlier output is sent first. */
async function flushed(stream: NodeJS.WriteStream): Promise<void> {
  await new Promise<void>((resolve) => stream.write('', () => resolve()));
}

async function main(): Promise<void> {
  const end = await endOfWork();
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  report({ is: 'end', end });
}

void main();
