/** Child process on a small disk of its own: `small-disk-scenarios.ts DIRECTORY SCENARIO` prints a `Report`. */
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { JournalFailure, sqliteCode } from '#engine/journal/failure.ts';
import { Journal } from '#engine/journal/journal.ts';
import type { FlowSnapshot, Mutation } from '#engine/journal/mutations.ts';
import { identifyProcess } from '#engine/journal/process-identity.ts';
import { takeNewLease } from '#engine/journal/session.ts';
import { JournalWriter } from '#engine/journal/writer.ts';
import { realClock } from '#protocol/clock.ts';
import { beginFlow, line, openFlow, settingsFor } from './place.ts';

export interface LogLine {
  readonly kind: string;
  readonly message: string;
  readonly code: string | undefined;
}

export interface Report {
  readonly logged: readonly LogLine[];
  /** The events found once the disk is well again, by a new engine. */
  readonly events: readonly string[];
  readonly integrity: unknown;
  /** The file's bytes are the same before and after what failed. */
  readonly isUntouched: boolean;
}

const [directory = '', scenario = ''] = process.argv.slice(2);
const path = join(directory, 'journal.db');
const ballast = join(directory, 'ballast');
const settings = settingsFor(path);
const logged: LogLine[] = [];

function report(error: unknown): void {
  if (!(error instanceof JournalFailure)) throw error;
  logged.push({ kind: error.kind, message: error.message, code: sqliteCode(error.cause) });
}

function term(): { db: Database.Database; writer: JournalWriter } {
  const session = takeNewLease(settings, identifyProcess('n1'), realClock);
  return { db: session.db, writer: new JournalWriter(session.db, session.term, realClock, settings) };
}

/** A journal with one flow and one event, closed in order. */
function journalWithOneEvent(): FlowSnapshot {
  const { db, writer } = term();
  const flow = openFlow(writer);
  writer.commit([[line(flow, 'acknowledged')]]);
  writer.release();
  db.close();
  return flow;
}

/** Leaves `freeBytes` of the disk, in whole pages. */
function fill(freeBytes: number): void {
  const handle = openSync(ballast, 'w');
  const page = Buffer.alloc(4096);
  let written = 0;
  try {
    for (;;) written += writeSync(handle, page);
  } catch {
    closeSync(handle);
  }
  execFileSync('truncate', ['-s', String(Math.max(0, written - freeBytes)), ballast]);
}

function remount(mode: 'ro' | 'rw'): void {
  execFileSync('mount', ['-o', `remount,bind,${mode}`, directory]);
}

function refuseToOpen(): void {
  try {
    term().db.close();
    throw new Error('it opened');
  } catch (error) {
    report(error);
  }
}

/** More than is free, in one page of the rollback journal: the disk is found full when COMMIT writes the file itself. */
function big(flow: FlowSnapshot): Mutation {
  return line(flow, 'x'.repeat(200_000));
}

let isUntouched = true;
function untouched(act: () => void): void {
  const before = existsSync(path) ? readFileSync(path) : undefined;
  act();
  const after = existsSync(path) ? readFileSync(path) : undefined;
  isUntouched = before && after ? before.equals(after) : before === after;
}

const SCENARIOS = {
  'read-only': () => {
    journalWithOneEvent();
    remount('ro');
    untouched(refuseToOpen);
    remount('rw');
  },
  'read-only and new': () => {
    remount('ro');
    untouched(refuseToOpen);
    remount('rw');
  },
  'full when it is created': () => {
    fill(0);
    refuseToOpen();
    rmSync(ballast);
  },
  'full when it is taken': () => {
    journalWithOneEvent();
    fill(0);
    untouched(refuseToOpen);
    rmSync(ballast);
  },
  'full at COMMIT': () => {
    const { db, writer } = term();
    const flow = openFlow(writer);
    writer.commit([[line(flow, 'acknowledged')]]);
    fill(100_000);
    try {
      writer.commit([[line(flow, 'never')], [big(flow)]]);
    } catch (error) {
      report(error);
    }
    db.close();
    rmSync(ballast);
  },
  'full under the thread': async () => {
    const journal = await Journal.open(settings, realClock);
    const flow = await beginFlow(journal);
    await journal.write(line(flow, 'acknowledged'));
    fill(100_000);
    const both = [journal.write(big(flow)), journal.write(big(flow)), journal.failed];
    for (const end of await Promise.allSettled(both)) if (end.status === 'rejected') report(end.reason);
    await journal.write(line(flow, 'later')).catch(report);
    await journal.close();
    rmSync(ballast);
  },
} satisfies Record<string, () => void | Promise<void>>;

export type Scenario = keyof typeof SCENARIOS;

if (scenario in SCENARIOS) {
  await SCENARIOS[scenario as Scenario]();
  const { db } = term();
  const report: Report = {
    logged,
    events: db.prepare<[], string>('SELECT message FROM events ORDER BY seq').pluck().all(),
    integrity: db.pragma('integrity_check', { simple: true }),
    isUntouched,
  };
  db.close();
  console.log(JSON.stringify(report));
}
