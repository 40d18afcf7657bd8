/**
 * The life of one engine of a simulation, which can end at any moment as by kill -9.
 *
 * Invariant: after its death an engine neither reaches the cloud nor receives anything more. Its earlier writes to the
 * journal stay, and the lease of the next engine prevents further ones.
 */

import { isAct } from '#engine/cloud/simulated/calls.ts';
import type { Link } from '#engine/cloud/simulated/client.ts';
import type { Clock } from '#protocol/clock.ts';

/** The promise of a dead engine: it never settles, and nothing waits for it. */
function never(): Promise<never> {
  return new Promise(() => {});
}

export class Life {
  readonly #death = Promise.withResolvers<void>();
  #state: 'alive' | 'doomed' | 'dead' = 'alive';

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  /** Resolves at the death. */
  get death(): Promise<void> {
    return this.#death.promise;
  }

  /** The engine ends at its next effect on the world, or at the next `outlive`, whichever comes first. */
  doom(): void {
    if (this.#state === 'alive') this.#state = 'doomed';
  }

  /** Ends the engine now, at any point of its work. */
  kill(): void {
    this.#state = 'dead';
    this.#death.resolve();
  }

  /** Passes a result to a living engine. A doomed engine ends here, before it receives the result of its effect. */
  async outlive<T>(value: T): Promise<T> {
    if (this.#state === 'doomed') this.kill();
    return this.isDead ? never() : value;
  }

  /** The same for calls within the life that have no effect. */
  async #share<T>(work: Promise<T>): Promise<T> {
    try {
      const value = await work;
      return this.isDead ? never() : value;
    } catch (error) {
      if (this.isDead) return never();
      throw error;
    }
  }

  clock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      boottime: () => clock.boottime(),
      sleep: (ms, signal) => (this.isDead ? never() : this.#share(clock.sleep(ms, signal))),
    };
  }

  link(link: Link): Link {
    return {
      description: link.description,
      call: async (method, args, options) => {
        if (this.isDead) return never();
        const answer = await this.#share(link.call(method, args, options));
        return isAct(method) ? this.outlive(answer) : answer;
      },
      close: () => link.close(),
    };
  }
}
