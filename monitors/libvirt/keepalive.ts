/**
 * Pings a peer as long as it answers.
 *
 * libvirtd reads nothing, not even a ping, from a connection with five unanswered calls (max_client_requests): a connection
 * whose calls may stay unanswered is not to be kept alive in this way.
 */

export interface KeepaliveTimes {
  /** Pause between two pings. */
  readonly everyMs: number;
  /** How many may go unanswered. */
  readonly count: number;
}

export class Keepalive {
  #unanswered = 0;
  readonly #timer: NodeJS.Timeout;

  /** @param onSilence called with the number of pings in vain, at each turn after the last one allowed */
  constructor({ everyMs, count }: KeepaliveTimes, ping: () => void, onSilence: (unanswered: number) => void) {
    this.#timer = setInterval(() => {
      if (this.#unanswered >= count) {
        onSilence(this.#unanswered);
        return;
      }
      this.#unanswered += 1;
      ping();
    }, everyMs);
  }

  /** Whatever the peer sends shows that it lives. */
  heard(): void {
    this.#unanswered = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
