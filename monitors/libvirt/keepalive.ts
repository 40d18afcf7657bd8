/**
 * Sends pings to a peer while it responds.
 *
 * libvirtd reads nothing, not even a ping, from a connection with five unanswered calls (max_client_requests). Therefore a
 * connection whose calls may stay unanswered must not use keepalive.
 */

export interface KeepaliveTimes {
  /** Pause between two pings. */
  readonly everyMs: number;
  /** The number of pings that may stay unanswered. */
  readonly count: number;
}

export class Keepalive {
  #unanswered = 0;
  readonly #timer: NodeJS.Timeout;

  /** @param onSilence called with the number of unanswered pings, at each interval after the last one allowed */
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

  /** Any message of the peer shows that it is alive. */
  received(): void {
    this.#unanswered = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
