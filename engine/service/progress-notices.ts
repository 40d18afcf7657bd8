/** Sends the committed progress of a recovery to watchers: only rows that are on the disk are shown. */
import type { WatchNotice } from '#protocol/views.ts';
import { type CommitListener, committedEvents } from '../journal/journal.ts';
import { isMove } from '../journal/migration-kinds.ts';
import type { FlowSnapshot } from '../journal/mutations.ts';
import type { LogbookRow, StepRow } from '../journal/rows.ts';

type Listener = (notice: WatchNotice) => void;

interface Watched {
  readonly uuid: string;
  readonly taskOf: Map<number, string>;
  /** State of each step that moves an instance, by its id. */
  readonly moves: Map<number, string>;
}

export class ProgressHub {
  readonly #flows = new Map<number, Watched>();
  readonly #flowOfAtom = new Map<number, Watched>();
  readonly #listeners = new Map<string, Set<Listener>>();

  /** A flow whose commits are sent. */
  follow(uuid: string, { flow, atoms, steps }: FlowSnapshot): void {
    const watched: Watched = {
      uuid,
      taskOf: new Map(atoms.map(({ id, name }) => [id, name])),
      moves: new Map(steps.filter(isMove).map(({ id, state }) => [id, state])),
    };
    this.#flows.set(flow.id, watched);
    for (const { id } of atoms) this.#flowOfAtom.set(id, watched);
  }

  /** The flow is closed: no more progress will come. */
  forget({ flow, atoms }: FlowSnapshot): void {
    this.#flows.delete(flow.id);
    for (const { id } of atoms) this.#flowOfAtom.delete(id);
  }

  watch(uuid: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(uuid) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(uuid, listeners);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(uuid);
    };
  }

  /** The progress of the evacuations, or of the migrations home, of an open recovery; null if there are none. */
  instancesOf(uuid: string): { moved: number; total: number } | null {
    const watched = [...this.#flows.values()].find((one) => one.uuid === uuid);
    if (!watched || watched.moves.size === 0) return null;
    const states = [...watched.moves.values()];
    return { moved: states.filter((state) => state === 'done').length, total: states.length };
  }

  readonly onCommit: CommitListener = (mutations, results) => {
    const counted = new Set<string>();
    for (const [index, mutation] of mutations.entries()) {
      const result = results[index];
      if (mutation.op === 'plan_steps') for (const step of result as StepRow[]) this.#note(step, counted);
      else if (mutation.op === 'step') this.#note(result as StepRow, counted);
    }
    for (const event of committedEvents(mutations, results)) {
      const watched = this.#flows.get(event.flow_id);
      if (!watched) continue;
      const { at, seq, message, progress } = event;
      const task = event.atom_id === null ? null : (watched.taskOf.get(event.atom_id) ?? null);
      this.#notify({ kind: 'event', uuid: watched.uuid, task, at, seq, message, progress });
    }
    for (const uuid of counted) {
      const count = this.instancesOf(uuid);
      if (count) this.#notify({ kind: 'instances', uuid, ...count });
    }
    for (const [index, mutation] of mutations.entries()) {
      if (mutation.op !== 'logbook') continue;
      const { uuid, status, message } = results[index] as LogbookRow;
      this.#notify({ kind: 'status', uuid, status, message });
    }
  };

  #note(step: StepRow, counted: Set<string>): void {
    const watched = this.#flowOfAtom.get(step.atom_id);
    if (!watched || !isMove(step)) return;
    watched.moves.set(step.id, step.state);
    counted.add(watched.uuid);
  }

  #notify(notice: WatchNotice): void {
    for (const listener of this.#listeners.get(notice.uuid) ?? []) listener(notice);
  }
}
