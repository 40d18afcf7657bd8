/**
 * A clock that stops until everything that can run has run, and then advances to the time of the next sleeper. Two runs with the same seed
 * sleep and wake in the same order.
 */
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '#protocol/clock.ts';

interface Sleeper {
  readonly at: number;
  readonly order: number;
  readonly wake: () => void;
}

/** Turns of the event loop without a new sleeper after which the world counts as idle. A commit takes one turn. */
const IDLE_TURNS = 3;
/** Maximum wait for real input and output while there is no sleeper. */
const REAL_TIMEOUT_MS = 10_000;

export class SimulatedClock implements Clock {
  #now: number;
  #order = 0;
  #sleepers: Sleeper[] = [];
  #isHeld = false;

  readonly #idleTurns: number;

  /**
   * @param idleTurns With fewer turns than a chain of commits takes, time passes during the chain. That is cheap, and the times of a log
   * then depend on other sleepers.
   */
  constructor(start = Date.UTC(2026, 0, 1), idleTurns = IDLE_TURNS) {
    this.#now = start;
    this.#idleTurns = idleTurns;
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

  /** Time does not pass while `work` reads and writes files, which takes longer on a busy machine. */
  async hold<T>(work: Promise<T>): Promise<T> {
    this.#isHeld = true;
    try {
      return await work;
    } finally {
      this.#isHeld = false;
    }
  }

  /** Runs the clock until `work` settles. Throws if `work` waits for something that no sleeper can cause. */
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
      if (settled || idle < this.#idleTurns) continue;
      const next = this.#isHeld ? undefined : this.#firstSleeper();
      if (!next) {
        // There is no sleeper: the disk may still be busy, which takes real time.
        if (idle > this.#idleTurns + REAL_TIMEOUT_MS)
          throw new Error('simulated clock: everything waits and there is no sleeper');
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

  #firstSleeper(): Sleeper | undefined {
    return this.#sleepers.reduce<Sleeper | undefined>(
      (first, other) =>
        first && (first.at < other.at || (first.at === other.at && first.order < other.order)) ? first : other,
      undefined,
    );
  }
}
