/** What must be true of a journal after all recoveries have ended, however many engines died over it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect } from 'vitest';
import type { LogbookWithFlows } from '#engine/journal/queries.ts';
import { JournalReader } from '#engine/journal/reader.ts';

export interface JournalFacts {
  readonly recoveries: readonly LogbookWithFlows[];
  readonly epoch: number;
}

/** Every recovery of a journal that an engine may be writing. */
export function readAll(path: string): JournalFacts {
  const reader = new JournalReader(path);
  try {
    const logbooks = reader.query('list', { limit: 10_000 });
    const recoveries = logbooks.flatMap(({ uuid }) => reader.query('show', uuid) ?? []);
    return { recoveries, epoch: reader.query('summary').lease?.epoch ?? 0 };
  } finally {
    reader.close();
  }
}

function damage(path: string): unknown[] {
  const db = new Database(path, { readonly: true });
  try {
    return [...(db.pragma('integrity_check') as unknown[]), ...(db.pragma('foreign_key_check') as unknown[])];
  } finally {
    db.close();
  }
}

/** Events of a flow are numbered without gaps, and no engine wrote after its successor had. */
function expectOrderedEvents({ flow, events }: LogbookWithFlows['flows'][number]): void {
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  const epochs = events.map(({ epoch }) => epoch);
  expect(epochs, `epochs of the events of flow ${flow.uuid}`).toEqual(epochs.toSorted((a, b) => a - b));
}

/** Every recovery is finished, nothing is left half done, and the file is whole. Returns what it holds. */
export function expectWholeJournal(
  path: string,
  expected: { readonly notifications: number; readonly engines: number },
): JournalFacts {
  expect(damage(path)).toEqual([{ integrity_check: 'ok' }]);
  expect(existsSync(join(path, '..', 'status.json.new'))).toBe(false);
  const facts = readAll(path);
  expect(facts.recoveries.map(({ logbook }) => logbook.status)).toEqual(Array(expected.notifications).fill('finished'));
  expect(facts.epoch).toBeLessThanOrEqual(expected.engines);
  for (const { flows } of facts.recoveries) {
    for (const one of flows) {
      expectOrderedEvents(one);
      expect(one.flow.closed_at).not.toBeNull();
      expect(one.events.every(({ epoch }) => epoch <= facts.epoch)).toBe(true);
      expect(one.atoms.filter(({ state }) => state === 'RUNNING' || state === 'REVERTING')).toEqual([]);
    }
  }
  return facts;
}

/** Each recovery took one flow, in which every task succeeded and every step is done or was not needed. */
export function expectOneFlowEach({ recoveries }: JournalFacts): void {
  for (const { flows } of recoveries) {
    expect(flows.map(({ flow }) => flow.state)).toEqual(['SUCCESS']);
    for (const { atoms, steps } of flows) {
      expect(atoms.filter(({ state }) => state !== 'SUCCESS')).toEqual([]);
      expect(steps.filter(({ state }) => state !== 'done' && state !== 'skipped')).toEqual([]);
    }
  }
}
