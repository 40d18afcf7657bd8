/** When the instance monitor connects to libvirtd again after a session ended. */
import { setTimeout as delay } from 'node:timers/promises';
import { backoff } from '#protocol/backoff.ts';

/** Pauses before the next connection to libvirtd. Masakari: always 3 s. */
const PAUSES = { firstMs: 500, maxMs: 5000 } as const;

/** The state of the connection to libvirtd, over all sessions. */
export class Reconnect {
  #isConnected = false;
  /** Since the last connection. */
  #failures = 0;

  /** Whether the next connection is news: the last attempt failed, or it is the first. */
  get isDue(): boolean {
    return !this.#isConnected;
  }

  /** Whether the last pause was the longest, so that a further failure is not news. */
  get isLongest(): boolean {
    return this.#failures > 0 && backoff(this.#failures - 1, PAUSES) === PAUSES.maxMs;
  }

  connected(): void {
    this.#isConnected = true;
    this.#failures = 0;
  }

  /** Waits before the next attempt, or until the signal. */
  async pause(signal: AbortSignal): Promise<void> {
    const ms = backoff(this.#failures, PAUSES);
    this.#isConnected = false;
    this.#failures += 1;
    await delay(ms, undefined, { signal }).catch(() => {});
  }
}
