/**
 * The steps of one task in the journal: intent before the call, outcome after it.
 *
 * Invariant: `intend` resolves only when the intents are on the disk, and no caller calls the cloud for a step before that.
 */
import { crashPoint } from '../crash-points.ts';
import type { Journal } from '../journal/journal.ts';
import type { AddDecision, Mutation, PlannedStep } from '../journal/mutations.ts';
import type { StepRow, StepState } from '../journal/rows.ts';
import type { Json } from './plan.ts';

/** A step as the running task sees it; always equal to the journal's row or to the write that is in progress. */
export interface Step {
  readonly id: number;
  readonly key: string;
  readonly kind: string;
  readonly object: string;
  readonly before: Json;
  state: StepState;
  detail: { readonly [name: string]: Json };
  requestId: string | null;
  error: string | null;
  /** ms UTC of the last intent. */
  intentAt: number | null;
}

export interface StepChange {
  readonly step: Step;
  readonly state: StepState;
  readonly detail?: { readonly [name: string]: Json };
  readonly requestId?: string | null;
  readonly error?: string | null;
}

/** A line of progress that is committed together with steps. */
export interface Line {
  readonly message: string;
  readonly progress: number;
}

function stepOf(row: StepRow): Step {
  return {
    id: row.id,
    key: row.key,
    kind: row.kind,
    object: row.object,
    before: JSON.parse(row.before),
    state: row.state,
    detail: JSON.parse(row.detail),
    requestId: row.request_id,
    error: row.error,
    intentAt: row.intent_at,
  };
}

export class StepRecords {
  readonly #journal: Journal;
  readonly #flowId: number;
  readonly #atomId: number;
  readonly #now: () => number;

  constructor(journal: Journal, place: { readonly flowId: number; readonly atomId: number }, now: () => number) {
    this.#journal = journal;
    this.#flowId = place.flowId;
    this.#atomId = place.atomId;
    this.#now = now;
  }

  /**
   * Plans steps in one commit. Steps of an earlier attempt or engine are returned unchanged.
   * @param decisions that led to them
   */
  async plan(steps: readonly PlannedStep[], decisions: readonly AddDecision[] = []): Promise<readonly Step[]> {
    const rows = await this.#journal.planSteps(this.#atomId, steps, decisions);
    crashPoint('step.after-plan');
    return rows.map(stepOf);
  }

  /** Writes the intents of a wave in one commit, with their lines of progress. */
  async intend(changes: readonly Omit<StepChange, 'state'>[], lines: readonly Line[] = []): Promise<void> {
    crashPoint('step.before-intent');
    await this.#write(
      changes.map((change) => ({ ...change, state: 'intent' })),
      lines,
    );
    crashPoint('step.after-intent');
  }

  /** Writes the outcomes of steps. */
  async settle(changes: readonly StepChange[], lines: readonly Line[] = []): Promise<void> {
    if (changes.length === 0 && lines.length === 0) return;
    crashPoint('step.before-outcome');
    await this.#write(changes, lines);
    crashPoint('step.after-outcome');
  }

  async #write(changes: readonly StepChange[], lines: readonly Line[]): Promise<void> {
    const at = this.#now();
    const mutations: Mutation[] = changes.map(({ step, state, detail, requestId, error }) => {
      step.state = state;
      step.error = error ?? null;
      if (detail !== undefined) step.detail = detail;
      if (requestId) step.requestId = requestId;
      if (state === 'intent') step.intentAt = at;
      return {
        op: 'step',
        stepId: step.id,
        state,
        at,
        error: error ?? null,
        ...(detail === undefined ? {} : { detail }),
        ...(requestId === undefined ? {} : { requestId }),
      };
    });
    for (const { message, progress } of lines) {
      mutations.push({ op: 'event', flowId: this.#flowId, atomId: this.#atomId, message, progress, at });
    }
    await this.#journal.write(...mutations);
  }
}
