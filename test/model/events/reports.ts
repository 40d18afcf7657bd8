/** Reports of monitors, and their way to whichever engine runs. */
import { JournalFailure } from '#engine/journal/failure.ts';
import { type Notification, parseNotification } from '#protocol/notification.ts';
import type { ReportKind } from './history.ts';
import type { ModelWorld } from './model-world.ts';

/** The host that everything happens to. */
export const HOST = 'c1';
/** Its guests: the first one crashes. */
export const RUNNING = '11111111-1111-4111-8111-111111111111';
export const OTHER = '22222222-2222-4222-8222-222222222222';
export const STOPPED = '33333333-3333-4333-8333-333333333333';

export function notificationOf(kind: ReportKind, hostname: string, stamp: number): Notification {
  const bodies = {
    death: { type: 'COMPUTE_HOST', payload: { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' } },
    return: { type: 'COMPUTE_HOST', payload: { event: 'STARTED', cluster_status: 'ONLINE', host_status: 'NORMAL' } },
    crash: {
      type: 'VM',
      payload: { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: RUNNING },
    },
  };
  const generated_time = new Date(stamp).toISOString();
  return parseNotification({ notification: { hostname, generated_time, ...bodies[kind] } });
}

export interface Report {
  readonly notification: Notification;
  readonly proof: 'none' | 'fencing';
  /** By the clock of the world, which is no sender's. */
  readonly madeAt: number;
}

/** As the outbox of a monitor: what is not acknowledged is sent again, in the order in which it came. */
export class Outbox {
  readonly #here: ModelWorld;
  #waiting: Report[] = [];
  #attempts = 0;

  constructor(here: ModelWorld) {
    this.#here = here;
  }

  put(report: Report): void {
    this.#waiting.push(report);
  }

  /** Sends until nothing is left, or the engine ends. */
  async deliver(): Promise<void> {
    const { life, engine, clock } = this.#here;
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
