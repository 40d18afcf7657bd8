/**
 * A clock that stands still until everything that can run has run, and then jumps to the next sleeper's time.
 * Two runs with the same seed sleep and wake in the same order.
 */
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { Clock } from './clock.ts';

interface Sleeper {
  readonly at: number;
  readonly order: number;
  readonly wake: () => void;
}

/** Turns of the event loop in which nothing new went to sleep, after which the world counts as idle. */
const IDLE_TURNS = 3;
/** How long real input and output are waited for when nobody sleeps. */
const REAL_PATIENCE_MS = 10_000;

export class SimulatedClock implements Clock {
  #now: number;
  #order = 0;
  #sleepers: Sleeper[] = [];

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  boottime(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const sleeper: Sleeper = {
        at: this.#now + Math.max(0, ms),
        order: this.#order++,
        wake: () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        },
      };
      const abort = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#sleepers.push(sleeper);
    });
  }

  /** Runs the clock until `work` settles; throws when it waits for something that no sleeper will bring. */
  async run<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    work.then(mark, mark);
    let idle = 0;
    while (!settled) {
      const before = this.#order;
      await turn();
      idle = this.#order === before ? idle + 1 : 0;
      if (settled || idle < IDLE_TURNS) continue;
      const next = this.#sleepers.reduce<Sleeper | undefined>(
        (first, other) =>
          first && (first.at < other.at || (first.at === other.at && first.order < other.order)) ? first : other,
        undefined,
      );
      if (!next) {
        // Nobody sleeps: the disk may still be at work, which takes real time.
        if (idle > IDLE_TURNS + REAL_PATIENCE_MS)
          throw new Error('simulated clock: everything waits and nobody sleeps');
        await delay(1);
        continue;
      }
      idle = 0;
      this.#sleepers = this.#sleepers.filter((other) => other !== next);
      this.#now = next.at;
      next.wake();
    }
    return work;
  }
}
