/**
 * The engines of a history, one after the other: killed at an await, or frozen while another one takes over. At most one accepts reports.
 *
 * Invariant: an engine that lost its lease ends, as the program does.
 */

import type { Agenda } from '#agents/scenario/agenda.ts';
import { JournalFailure } from '#engine/journal/failure.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { EngineRun, RandomStage } from './random-stage.ts';

/** With an engine that does nothing, an interruption happens after this time. */
const IDLE_MS = 60_000;

interface Interruption {
  /** Awaits that are left. */
  left: number;
  readonly happen: (run: EngineRun) => void;
}

export interface EngineEvents {
  /** An engine is there again: reports are delivered to it. */
  readonly onStart: (run: EngineRun) => Promise<void>;
  readonly onOffence: (offence: string) => void;
}

export class Engines {
  readonly #stage: () => RandomStage;
  readonly #agenda: Agenda;
  readonly #events: EngineEvents;
  #present: EngineRun | undefined;
  #interruption: Interruption | undefined;

  constructor(stage: () => RandomStage, agenda: Agenda, events: EngineEvents) {
    this.#stage = stage;
    this.#agenda = agenda;
    this.#events = events;
  }

  /** The engine that took the lease last, alive or not. */
  get holder(): EngineRun | undefined {
    return this.#present;
  }

  /** The engine that accepts reports and commands. */
  get present(): EngineRun | undefined {
    const run = this.#present;
    return run && !run.life.isDead && !run.frozen ? run : undefined;
  }

  async begin(): Promise<void> {
    const run = await this.#stage().begin();
    this.#present = run;
    void run.engine.ended.catch((error: unknown) => this.#ended(run, error));
    await this.#events.onStart(run);
  }

  /** Kills the engine at one of its next awaits; another one starts after a while. */
  kill(atAwait: number, awayMs: number): void {
    this.#interrupt(atAwait, (run) => {
      this.#agenda.later(awayMs, () => this.begin());
      run.life.doom();
    });
  }

  /** Freezes the engine at one of its next awaits. It continues after another one has taken over. */
  freeze(atAwait: number, awayMs: number, zombieMs: number): void {
    this.#interrupt(atAwait, (run) => {
      run.frozen = Promise.withResolvers();
      this.#agenda.later(awayMs, () => this.begin());
      this.#agenda.later(awayMs + zombieMs, () => {
        run.frozen?.resolve();
      });
    });
  }

  /** Before and after each call and commit of an engine. */
  async onAwait(run: EngineRun): Promise<void> {
    const due = run === this.#present && !run.life.isDead ? this.#interruption : undefined;
    if (due) {
      due.left -= 1;
      if (due.left <= 0) this.#happen(due);
    }
    await run.frozen?.promise;
    await run.life.outlive(null);
  }

  #interrupt(atAwait: number, happen: Interruption['happen']): void {
    // One at a time: an engine that ends is not interrupted again.
    if (!this.present || this.#interruption) return;
    const interruption = { left: atAwait, happen };
    this.#interruption = interruption;
    this.#agenda.later(IDLE_MS, () => this.#happen(interruption));
  }

  #happen(interruption: Interruption): void {
    if (this.#interruption !== interruption) return;
    this.#interruption = undefined;
    if (this.present) interruption.happen(this.present);
  }

  #ended(run: EngineRun, error: unknown): void {
    const isExpected = error instanceof JournalFailure && error.kind === 'lease_lost' && run !== this.#present;
    if (!run.life.isDead && !isExpected) this.#events.onOffence(`an engine ended: ${errorMessage(error)}`);
    run.life.kill();
  }
}
