/**
 * Decisions that let a recovery start, until the transaction of its next effect writes them.
 *
 * Invariant: a decision is in the journal only with its effect. If the engine ends in between, neither is, and the next engine decides again.
 */
import type { AddDecision } from '../journal/mutations.ts';
import type { DecisionKind } from '../journal/rows.ts';

export class PendingDecisions {
  /** By recovery; of each kind the newest. */
  readonly #kept = new Map<string, Map<DecisionKind, AddDecision>>();

  keep(decision: AddDecision): void {
    const kept = this.#kept.get(decision.uuid) ?? new Map<DecisionKind, AddDecision>();
    kept.delete(decision.kind);
    this.#kept.set(decision.uuid, kept.set(decision.kind, decision));
  }

  /** Those of one recovery, in the order in which they were made, to be written now. */
  take(uuid: string): readonly AddDecision[] {
    const kept = [...(this.#kept.get(uuid)?.values() ?? [])];
    this.#kept.delete(uuid);
    return kept;
  }

  /** Forgets those of recoveries that are closed. */
  retain(open: readonly { readonly uuid: string }[]): void {
    const uuids = new Set(open.map(({ uuid }) => uuid));
    for (const uuid of this.#kept.keys()) if (!uuids.has(uuid)) this.#kept.delete(uuid);
  }
}
