/**
 * The life of one engine of a simulation, which can end at any moment as by kill -9.
 *
 * Invariant: after its death an engine neither reaches the cloud nor learns anything more; what it told the journal before
 * stays there, and the next engine's lease keeps it from telling more.
 */
import type { Clock } from '#engine/clock/clock.ts';
import { isAct } from '#engine/cloud/simulated/calls.ts';
import type { Link } from '#engine/cloud/simulated/client.ts';

/** Of a dead engine: it waits for ever, and nobody waits for it. */
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

  /** It dies at its next effect on the world, or where `outlive` is asked, whichever comes first. */
  doom(): void {
    if (this.#state === 'alive') this.#state = 'doomed';
  }

  /** Passes what a living engine may know; whoever is doomed dies here, before it learns what became of its effect. */
  async outlive<T>(value: T): Promise<T> {
    if (this.#state === 'doomed') {
      this.#state = 'dead';
      this.#death.resolve();
    }
    return this.isDead ? never() : value;
  }

  /** The same for what takes part in the life and is no effect. */
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
