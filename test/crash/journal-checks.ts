/** What must be true of a journal after all recoveries have ended, however many engines died over it. */
import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { expect } from 'vitest';
import type { LogbookWithFlows } from '#engine/journal/queries.ts';
import { JournalReader } from '#engine/journal/reader.ts';
import type { AuditRow } from '#engine/journal/rows.ts';

export interface JournalFacts {
  readonly recoveries: readonly LogbookWithFlows[];
  readonly audit: readonly AuditRow[];
  readonly epoch: number;
}

/** Every recovery of a journal that an engine may be writing. */
export function readAll(path: string): JournalFacts {
  const reader = new JournalReader(path);
  try {
    const logbooks = reader.query('list', { limit: 10_000 });
    const recoveries = logbooks.flatMap(({ uuid }) => reader.query('show', uuid) ?? []);
    const audit = reader.query('audit', { limit: 100_000 });
    return { recoveries, audit, epoch: reader.query('summary').lease?.epoch ?? 0 };
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

/** Each accepted report has its entry in the audit, and each entry of a report its recovery. */
function expectAuditOfReports({ recoveries, audit }: JournalFacts): void {
  const reports = audit.filter(({ kind }) => kind === 'report');
  const accepted = reports.filter(({ outcome }) => outcome !== 'duplicate').map(({ notification }) => notification);
  const known = recoveries.map(({ logbook }) => logbook.uuid);
  expect(accepted.toSorted()).toEqual(known.toSorted());
  expect(reports.filter(({ notification }) => !known.includes(notification ?? ''))).toEqual([]);
}

/**
 * A decision is on the disk with its effect, and no effect without its decision: the report was accepted, each flow was chosen, each resume
 * was counted, and the last decision is the end.
 */
function expectDecisionsWithEffects({ logbook, flows, decisions }: LogbookWithFlows): void {
  const of = (kind: string) => decisions.filter((one) => one.kind === kind);
  const [first] = decisions;
  expect(first).toMatchObject({ kind: 'acceptance', outcome: logbook.accepted_as === 'new' ? 'accepted' : 'finished' });
  const chosen = of('method').map(({ facts }) => (JSON.parse(facts) as { readonly flow_uuid: string }).flow_uuid);
  expect(chosen).toEqual(flows.map(({ flow }) => flow.uuid));
  const resumes = flows.reduce((sum, { flow }) => sum + flow.resumes, 0);
  // An engine that dies after it counted a resume has not restarted or rolled back the flow yet.
  expect(of('engine_failure').length).toBeLessThanOrEqual(resumes);
  const resumed = of('engine_failure').filter(({ outcome }) => outcome === 'resume');
  if (resumed.length === of('engine_failure').length && resumed.length > 0) expect(resumed).toHaveLength(resumes);
  if (logbook.accepted_as === 'new') {
    expect(decisions.at(-1)).toMatchObject({ kind: 'end', outcome: logbook.status });
    expect(of('end').filter(({ outcome }) => outcome === logbook.status)).toHaveLength(1);
  }
  const epochs = decisions.map(({ epoch }) => epoch);
  expect(epochs).toEqual(epochs.toSorted((a, b) => a - b));
}

/** Every recovery is finished, nothing is left half done, and the file is whole. Returns what it holds. */
export function expectWholeJournal(
  path: string,
  expected: { readonly notifications: number; readonly engines: number },
): JournalFacts {
  expect(damage(path)).toEqual([{ integrity_check: 'ok' }]);
  expect(readdirSync(dirname(path)).filter((name) => name.endsWith('.new'))).toEqual([]);
  const facts = readAll(path);
  expect(facts.recoveries.map(({ logbook }) => logbook.status)).toEqual(Array(expected.notifications).fill('finished'));
  expect(facts.epoch).toBeLessThanOrEqual(expected.engines);
  expectAuditOfReports(facts);
  for (const recovery of facts.recoveries) {
    expectDecisionsWithEffects(recovery);
    for (const one of recovery.flows) {
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
    const states = flows.map(({ flow }) => flow.state);
    const course = flows.flatMap(({ events }) => events.map(({ at, message }) => `${at} ${message}`));
    expect(states, course.join('\n')).toEqual(['SUCCESS']);
    for (const { atoms, steps } of flows) {
      expect(atoms.filter(({ state }) => state !== 'SUCCESS')).toEqual([]);
      expect(steps.filter(({ state }) => state !== 'done' && state !== 'skipped')).toEqual([]);
    }
  }
}
