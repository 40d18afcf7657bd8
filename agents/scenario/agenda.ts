/** What happens when, by the simulated clock: one thing after the other, in the order in which it was entered. */
import type { Clock } from '#protocol/clock.ts';

interface Due {
  readonly at: number;
  readonly order: number;
  readonly happen: () => Promise<void> | void;
}

const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 300_000;

export class Agenda {
  readonly #clock: Clock;
  #due: Due[] = [];
  #order = 0;
  #wake = new AbortController();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  later(ms: number, happen: Due['happen']): void {
    this.#due.push({ at: this.#clock.now() + ms, order: this.#order++, happen });
    this.#wake.abort();
  }

  /** Runs until nothing is due and `isCalm` has been so for a while, or the time is over. */
  async run(isCalm: () => Promise<boolean>, { aftermathMs, longestMs }: { aftermathMs: number; longestMs: number }) {
    const latest = this.#clock.now() + longestMs;
    let pauseMs = FIRST_PAUSE_MS;
    let calmSince: number | undefined;
    while (this.#clock.now() < latest) {
      const [next] = this.#due.sort((a, b) => a.at - b.at || a.order - b.order);
      if (next && next.at <= this.#clock.now()) {
        this.#due.shift();
        await next.happen();
        continue;
      }
      if (!next) {
        calmSince = (await isCalm()) ? (calmSince ?? this.#clock.now()) : undefined;
        if (calmSince !== undefined && this.#clock.now() - calmSince > aftermathMs) return;
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      }
      this.#wake = new AbortController();
      await this.#clock.sleep(next ? next.at - this.#clock.now() : pauseMs, this.#wake.signal).catch(() => {});
    }
  }
}
