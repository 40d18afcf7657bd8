/** A directory of its own for a journal under test, settings that suit it, and things to write. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Journal, JournalSettings } from '#engine/journal/journal.ts';
import type { AcceptNotification, AddEvent, FlowSnapshot, OpenFlow } from '#engine/journal/mutations.ts';
import { identifyProcess } from '#engine/journal/process-identity.ts';
import { takeNewLease } from '#engine/journal/session.ts';
import { JournalWriter, type WriterClock } from '#engine/journal/writer.ts';

export class Place implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'recovery-agent-journal-'));
  readonly path = join(this.directory, 'journal.db');
  readonly #connections: Database.Database[] = [];

  settings(other: Partial<JournalSettings> = {}): JournalSettings {
    return settingsFor(this.path, other);
  }

  /** A writer with a lease of its own, in this thread. */
  term(clock: WriterClock = STANDING_CLOCK, other: Partial<JournalSettings> = {}) {
    const settings = this.settings(other);
    const session = takeNewLease(settings, identifyProcess(settings.node, [], settings.resource), clock);
    this.#connections.push(session.db);
    return { ...session, writer: new JournalWriter(session.db, session.term, clock, settings) };
  }

  /** A connection without any of the journal's rules but those in the file, as a hand with sqlite3 has it. */
  hand(timeout = 0): Database.Database {
    const db = new Database(this.path, { timeout });
    this.#connections.push(db);
    return db;
  }

  [Symbol.dispose](): void {
    for (const db of this.#connections) db.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export const STANDING_CLOCK: WriterClock = { now: () => 1_000, boottime: () => 1_000 };

export function settingsFor(path: string, other: Partial<JournalSettings> = {}): JournalSettings {
  return {
    path,
    node: 'n1',
    allowStorage: ['overlay'],
    lockTimeoutMs: 5_000,
    leaseTimeoutMs: 20,
    confirmDelayMs: 0,
    authority: 'cluster',
    ...other,
  };
}

export function notification(other: Partial<AcceptNotification> = {}): AcceptNotification {
  return {
    op: 'accept',
    uuid: randomUUID(),
    type: 'COMPUTE_HOST',
    host: 'compute-1',
    target: 'host:compute-1',
    payload: '{"event":"STOPPED"}',
    generatedAt: 1_000,
    status: 'new',
    message: null,
    duplicateIntervalMs: 180_000,
    at: 1_000,
    ...other,
  };
}

export function flowOf(logbookUuid: string, other: Partial<OpenFlow> = {}): OpenFlow {
  return {
    op: 'open_flow',
    logbookUuid,
    flowUuid: randomUUID(),
    name: 'host',
    target: 'host:compute-1',
    plan: '{}',
    configHash: 'c',
    atoms: [{ phase: 'main', name: 'evacuate_instances_task' }],
    at: 1_000,
    ...other,
  };
}

export function line(flow: FlowSnapshot, message: string): AddEvent {
  return { op: 'event', flowId: flow.flow.id, atomId: flow.atoms[0]?.id ?? null, message, progress: 0.5, at: 1_000 };
}

/** Accepts a notification and opens a flow for it. */
export async function beginFlow(journal: Journal): Promise<FlowSnapshot> {
  const { logbook } = await journal.accept(notification());
  return journal.openFlow(flowOf(logbook.uuid));
}

/** The same through the writer alone. */
export function openFlow(writer: JournalWriter, host = 'compute-1'): FlowSnapshot {
  const target = `host:${host}`;
  const uuid = randomUUID();
  const accepted = notification({ uuid, host, target, payload: JSON.stringify({ uuid }) });
  const { outcomes } = writer.commit([[accepted, flowOf(accepted.uuid, { target })]]);
  const [outcome] = outcomes;
  if (!outcome?.ok) throw outcome?.error ?? new Error('no outcome');
  return outcome.results[1] as FlowSnapshot;
}
