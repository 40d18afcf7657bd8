/**
 * The running recoveries.
 *
 * Invariants: a recovery has one worker at a time, and none while it is held; a recovery that a fault of this program stops is parked with
 * a visible reason, and not started again at once.
 */
import { errorMessage } from '#protocol/error-message.ts';
import { Budget } from '../flow/budget.ts';
import { Interrupted } from '../flow/outcome.ts';
import { JournalFailure } from '../journal/failure.ts';
import type { Mutation } from '../journal/mutations.ts';
import type { LogbookRow } from '../journal/rows.ts';
import { endDecision } from '../recovery/closing-decision.ts';
import { Recovery, type RecoveryParts } from '../recovery/recovery.ts';

interface Running {
  readonly controller: AbortController;
  readonly ended: Promise<void>;
}

export class RunningRecoveries {
  readonly #parts: RecoveryParts;
  /** Called whenever a recovery may be started that could not be before. */
  readonly #onFree: () => void;
  readonly #running = new Map<string, Running>();
  readonly #held = new Map<string, Promise<unknown>>();

  constructor(parts: Omit<RecoveryParts, 'choosing'>, onFree: () => void) {
    this.#parts = { ...parts, choosing: new Budget(1) };
    this.#onFree = onFree;
  }

  /** The running recoveries, and those that are held. */
  get uuids(): ReadonlySet<string> {
    return new Set([...this.#running.keys(), ...this.#held.keys()]);
  }

  start(logbook: LogbookRow): void {
    const { journal, log } = this.#parts;
    const controller = new AbortController();
    const run = async (): Promise<void> => {
      const flow = await journal.query('openFlow', logbook.id);
      await new Recovery(this.#parts, logbook, controller.signal).run(flow);
    };
    const ended = run()
      .catch((error: unknown) => {
        if (error instanceof Interrupted || (error instanceof JournalFailure && error.isFatal)) return;
        const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
        log('error', 'recovery stopped by a fault of the engine', { uuid: logbook.uuid, reason });
        return this.#park(logbook, error);
      })
      .finally(() => {
        this.#running.delete(logbook.uuid);
        this.#onFree();
      });
    this.#running.set(logbook.uuid, { controller, ended });
  }

  /** Interrupts a recovery if it runs, and acts on it while it is interrupted. */
  async held<T>(uuid: string, reason: string, work: () => Promise<T>): Promise<T> {
    const before = this.#held.get(uuid);
    const mine = (async () => {
      await before?.catch(() => {});
      const running = this.#running.get(uuid);
      running?.controller.abort(new Interrupted(reason));
      await running?.ended;
      return work();
    })();
    this.#held.set(uuid, mine);
    try {
      return await mine;
    } finally {
      if (this.#held.get(uuid) === mine) this.#held.delete(uuid);
      this.#onFree();
    }
  }

  /** Interrupts all running recoveries. */
  async interrupt(reason: string): Promise<void> {
    for (const { controller } of this.#running.values()) controller.abort(new Interrupted(reason));
    await Promise.allSettled([...this.#running.values()].map(({ ended }) => ended));
    await Promise.allSettled(this.#held.values());
  }

  /** Closes the flow that a fault left open, so that it counts as a failed round and is not started again at once. */
  async #park({ id, uuid, work_failures: failures }: LogbookRow, error: unknown): Promise<void> {
    const { journal, clock, configuration } = this.#parts;
    const message = `fault of the engine: ${errorMessage(error)}`;
    const at = clock.now();
    const flow = await journal.query('openFlow', id);
    const now = await journal.query('logbook', uuid);
    const changes: Mutation[] = [];
    if (flow) changes.push({ op: 'close_flow', flowId: flow.flow.id, state: 'FAILURE', error: message, at });
    if (now?.status === 'new') changes.push({ op: 'logbook', uuid, status: 'running', at });
    const retryAt = at + configuration.options.general.processUnfinishedNotificationsIntervalMs;
    const facts = { work_failures: failures, retry_at: failures === 0 ? new Date(retryAt).toISOString() : null };
    const outcome = failures === 0 ? 'error' : 'failed';
    changes.push(
      failures === 0
        ? { op: 'logbook', uuid, status: 'error', message, retryAt, failed: 'work', at }
        : { op: 'logbook', uuid, status: 'failed', message, failed: 'work', at },
      endDecision({ uuid, outcome, rule: 'engine-fault', reason: message, facts, at }),
    );
    await journal.write(...changes);
  }
}
