/** The outbox of a monitor in simulated time: what no engine has accepted is sent again, in the order of its arrival. */

import { JournalFailure } from '#engine/journal/failure.ts';
import type { Engine } from '#engine/service/engine.ts';
import type { Clock } from '#protocol/clock.ts';
import type { Notification } from '#protocol/notification.ts';
import type { Life } from '../simulate/life.ts';

/** The engine that runs now. */
export interface Receiver {
  readonly clock: Clock;
  readonly life: Life;
  readonly engine: Pick<Engine, 'accept'>;
}

export interface Report {
  readonly notification: Notification;
  readonly proof: 'none' | 'fencing';
  /** By the clock of the world, which is no sender's. */
  readonly madeAt: number;
}

export class Outbox {
  readonly #receiver: Receiver;
  #waiting: Report[] = [];
  #attempts = 0;

  constructor(receiver: Receiver) {
    this.#receiver = receiver;
  }

  put(report: Report): void {
    this.#waiting.push(report);
  }

  /** Sends until nothing is left, or the engine ends. */
  async deliver(): Promise<void> {
    const { life, engine, clock } = this.#receiver;
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      this.#attempts += 1;
      const delivery = { ageSeconds: (clock.now() - first.madeAt) / 1000, attempts: this.#attempts };
      const sent = engine.accept(first.notification, first.proof, delivery).then(
        () => 'acknowledged' as const,
        (error: unknown) => {
          if (error instanceof JournalFailure) return 'ended' as const;
          throw error;
        },
      );
      if ((await Promise.race([sent, life.death.then(() => 'ended' as const)])) === 'ended') return;
      this.#waiting.shift();
      this.#attempts = 0;
    }
  }
}
