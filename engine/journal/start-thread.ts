/** Starts the journal's thread: from its source file in a checkout, from an asset in the executable. */
import { Worker } from 'node:worker_threads';
import type { ThreadData } from './wire.ts';

export function startThread(workerData: ThreadData): Worker {
  const sea = process.getBuiltinModule('node:sea');
  if (sea.isSea()) return new Worker(sea.getAsset('journal-thread.js', 'utf8'), { eval: true, workerData });
  return new Worker(new URL('./thread.ts', import.meta.url), { workerData });
}
