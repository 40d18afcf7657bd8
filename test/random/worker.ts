/** One worker of `npm run test:random`: plays every n-th seed of a range, and posts what came of each. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Figures } from './play.ts';
import { explain, trySeed } from './search.ts';

export interface Share {
  readonly first: number;
  readonly step: number;
  readonly end: number;
}

export interface Played {
  readonly seed: number;
  readonly figures: Figures;
  /** The explanation of a violation; empty: there is none. */
  readonly text: string;
}

/** An explanation replays many histories: only the first ones of a run are explained in full. */
const EXPLAINED = 3;

const { first, step, end }: Share = workerData;
let explained = 0;
for (let seed = first; seed < end; seed += step) {
  const { violations, figures } = await trySeed(seed);
  let text = violations.map((violation) => `VIOLATION: ${violation} (seed ${seed})`).join('\n');
  if (text !== '' && explained < EXPLAINED) {
    explained += 1;
    text = await explain({ seed, violations });
  }
  parentPort?.postMessage({ seed, figures, text } satisfies Played);
}
