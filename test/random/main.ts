/**
 * `npm run test:random`: plays random histories, 10,000 by default, with one worker for each processor.
 *
 * `--runs N`: so many seeds. `--from N`: the first seed; without it a random one, which is printed. `--seed N`: replays one seed and prints its
 * history, its log and its violations.
 */
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { generate } from './generate.ts';
import { describe } from './history.ts';
import { explain, trySeed } from './search.ts';
import type { Played, Share } from './worker.ts';

const RUNS = 10_000;
const PROGRESS_EVERY = 100;
const MAX_FIRST = 2 ** 31;

const { values } = parseArgs({
  options: { seed: { type: 'string' }, runs: { type: 'string' }, from: { type: 'string' } },
});

function wholeNumber(name: string, given: string | undefined, other: number): number {
  const number = given === undefined ? other : Number(given);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new Error(`--${name} is a whole number, not "${given}"`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Replays one seed. @returns the number of violations */
async function replay(seed: number): Promise<number> {
  print(describe(generate(seed)).join('\n'));
  const { log, violations } = await trySeed(seed);
  print(log.join('\n'));
  print(violations.length === 0 ? 'no violation' : await explain({ seed, violations }));
  return violations.length;
}

class Run {
  readonly #runs: number;
  readonly #startedAt = Date.now();
  readonly #totals: Record<string, number> = {};
  played = 0;
  violated = 0;

  constructor(runs: number) {
    this.#runs = runs;
  }

  /** Resolves when the worker has played its share. */
  work(share: Share): Promise<void> {
    const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: share });
    worker.on('message', (played: Played) => this.#take(played));
    return new Promise((resolve, reject) => {
      worker.on('error', reject);
      worker.on('exit', () => resolve());
    });
  }

  #take({ figures, text }: Played): void {
    this.played += 1;
    if (text !== '') {
      this.violated += 1;
      print(text);
    }
    for (const [name, count] of Object.entries(figures)) this.#totals[name] = (this.#totals[name] ?? 0) + count;
    if (process.stdout.isTTY && this.played % PROGRESS_EVERY === 0) print(this.summary);
  }

  get summary(): string {
    const seconds = Math.round((Date.now() - this.#startedAt) / 1000);
    const totals = Object.entries(this.#totals).map(([name, count]) => `${name} ${count}`);
    return `random histories: ${this.played} of ${this.#runs}, ${this.violated} with violations, ${seconds} s; ${totals.join(', ')}`;
  }
}

async function search(): Promise<number> {
  const runs = wholeNumber('runs', values.runs, RUNS);
  const from = wholeNumber('from', values.from, randomInt(MAX_FIRST));
  print(`random histories: seeds ${from} to ${from + runs - 1}`);
  const run = new Run(runs);
  const step = Math.min(availableParallelism(), runs);
  const shares = Array.from({ length: step }, (_, index) => ({ first: from + index, step, end: from + runs }));
  await Promise.all(shares.map((share) => run.work(share)));
  print(run.summary);
  // A worker that ended early has played less than its share.
  return run.violated + (runs - run.played);
}

const failures = values.seed === undefined ? await search() : await replay(wholeNumber('seed', values.seed, 0));
process.exitCode = failures > 0 ? 1 : 0;
