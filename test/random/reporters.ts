/** The monitors of a history: each report is delivered, in the order of its reporter, until an engine acknowledges it. */

import type { Agenda } from '#agents/scenario/agenda.ts';
import { Outbox, type Report } from '#agents/scenario/outbox.ts';
import type { Engine } from '#engine/service/engine.ts';
import { type Notification, parseNotification } from '#protocol/notification.ts';
import { LOCAL_ORIGIN, type Origin } from '#protocol/origin.ts';
import type { Engines } from './engines.ts';
import type { PlannedReport, RandomHistory } from './history.ts';
import type { RandomStage } from './random-stage.ts';

/** Older proofs of a fencing count for nothing: the host may be on again. */
const FRESH_MS = 60_000;

export interface Acknowledged {
  readonly uuid: string;
  readonly report: Report;
  /** Whether the report proved that the host was off. */
  readonly isProof: boolean;
}

export class Reporters {
  /** Delivered at least once, acknowledged or not. */
  readonly #onSent: (report: Report, isProof: boolean) => void;
  readonly #onAcknowledged: (one: Acknowledged) => void;
  readonly #stage: RandomStage;
  readonly #agenda: Agenda;
  readonly #engines: Engines;
  readonly #history: RandomHistory;
  readonly #outboxes = new Map<string, Outbox>();
  #isDelivering = false;

  constructor(
    parts: {
      readonly stage: RandomStage;
      readonly agenda: Agenda;
      readonly engines: Engines;
      readonly history: RandomHistory;
    },
    events: {
      readonly onSent: (report: Report, isProof: boolean) => void;
      readonly onAcknowledged: (one: Acknowledged) => void;
    },
  ) {
    this.#stage = parts.stage;
    this.#agenda = parts.agenda;
    this.#engines = parts.engines;
    this.#history = parts.history;
    this.#onSent = events.onSent;
    this.#onAcknowledged = events.onAcknowledged;
  }

  /** Monitors detect something now, and report it later. @param host the reporter where it is the host itself */
  detect(reports: readonly PlannedReport[], host: string, body: object): void {
    const madeAt = this.#stage.clock.now();
    for (const { reporter, delaySeconds, aheadSeconds, proof, copies } of reports) {
      const generated_time = new Date(madeAt + aheadSeconds * 1000).toISOString();
      const notification = parseNotification({ notification: { hostname: host, generated_time, ...body } });
      const name = reporter === 'host' ? host : reporter;
      for (let copy = 0; copy < copies; copy += 1) {
        this.#agenda.later((delaySeconds + 40 * copy) * 1000, async () => {
          this.#outboxOf(name).put({ notification, proof, madeAt });
          await this.deliver();
        });
      }
    }
  }

  /** Delivers all that waits, if there is an engine. */
  async deliver(): Promise<void> {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    for (const outbox of this.#outboxes.values()) if (this.#engines.present) await outbox.deliver();
    this.#isDelivering = false;
  }

  #outboxOf(reporter: string): Outbox {
    const known = this.#outboxes.get(reporter);
    if (known) return known;
    const { clock } = this.#stage;
    const stage = this.#stage;
    const outbox = new Outbox({
      clock,
      get life() {
        return stage.life;
      },
      engine: { accept: (notification, proof, delivery) => this.#accept(reporter, notification, proof, delivery) },
    });
    this.#outboxes.set(reporter, outbox);
    return outbox;
  }

  async #accept(
    reporter: string,
    notification: Notification,
    proof: Report['proof'] | 'operator' = 'none',
    delivery: Parameters<Engine['accept']>[2] = { ageSeconds: 0, attempts: 1 },
  ): ReturnType<Engine['accept']> {
    const { engine, clock } = this.#stage;
    const { secondWitness } = this.#history.choices;
    // One watcher is on the engine's node.
    const origin = reporter === 'watcher-1' ? LOCAL_ORIGIN : remote(reporter);
    const isConfirmed = secondWitness !== 'silent' || origin === LOCAL_ORIGIN;
    const ageMs = delivery.ageSeconds * 1000;
    const isProof = proof === 'fencing' && ageMs <= FRESH_MS && isConfirmed;
    const report = { notification, proof: proof === 'fencing' ? proof : 'none', madeAt: clock.now() - ageMs } as const;
    this.#onSent(report, isProof);
    const result = await engine.accept(notification, proof, delivery, origin);
    this.#onAcknowledged({ uuid: result.logbook.uuid, report, isProof });
    return result;
  }
}

function remote(identity: string): Origin {
  const host = identity.startsWith('watcher') ? null : identity;
  const caller = { identity, host, roles: [host === null ? 'watcher' : 'host'], address: '192.0.2.7' } as const;
  return { caller, user: null, reason: null };
}
