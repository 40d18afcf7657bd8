/**
 * What the journal costs: `node test/bench/journal.ts [DIRECTORY]`. Rates are also given as a share of what the same disk
 * does in the same run with a bare append and fsync: absolute figures are of one machine, the shares carry over.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Journal } from '#engine/journal/journal.ts';
import { identifyProcess } from '#engine/journal/process-identity.ts';
import { takeNewLease } from '#engine/journal/session.ts';
import { JournalWriter } from '#engine/journal/writer.ts';
import { realClock } from '#protocol/clock.ts';
import { beginFlow, line, openFlow, settingsFor } from '#test/journal/place.ts';

const SECONDS_EACH = 2;
const EVENTS_PER_COMMIT = [1, 8, 64, 512];
const TRACED_COMMITS = 50;
const MESSAGE = 'Evacuation of instance 3f0c7b52-7a44-4bb0-9a5e-2f6f9d3c1e11 accepted, waiting for its new host';

const [parent = tmpdir(), traced] = process.argv.slice(2);

/** Repeats `act` for a while. Returns how often a second, and the median in ms. */
async function rateOf(act: () => void | Promise<void>): Promise<{ perSecond: number; medianMs: number }> {
  const took: number[] = [];
  const start = performance.now();
  const end = start + SECONDS_EACH * 1000;
  let now = start;
  while (now < end) {
    await act();
    const before = now;
    now = performance.now();
    took.push(now - before);
  }
  took.sort((a, b) => a - b);
  return { perSecond: took.length / ((now - start) / 1000), medianMs: took[took.length >> 1] ?? 0 };
}

function rawAppend(directory: string): () => void {
  const handle = openSync(join(directory, 'raw'), 'a');
  const block = Buffer.alloc(4096, 'x');
  process.once('exit', () => closeSync(handle));
  return () => {
    writeSync(handle, block);
    fsyncSync(handle);
  };
}

function writerIn(directory: string) {
  const settings = settingsFor(join(directory, `writer-${process.pid}.db`));
  const { db, term } = takeNewLease(settings, identifyProcess('bench'), realClock);
  const writer = new JournalWriter(db, term, realClock, settings);
  return { db, writer, flow: openFlow(writer) };
}

/** In a process of its own, under strace: a marker before and after the commits. */
function commitUnderTrace(directory: string): void {
  const { writer, flow } = writerIn(directory);
  const mark = (): void => closeSync(openSync(join(directory, 'marker'), 'a'));
  mark();
  for (let n = 0; n < TRACED_COMMITS; n++) writer.commit([[line(flow, MESSAGE)]]);
  mark();
}

function syscallsPerCommit(directory: string): string {
  const output = join(directory, 'trace');
  const child = [process.execPath, fileURLToPath(import.meta.url), directory, 'traced'];
  const { status } = spawnSync(
    'strace',
    ['-o', output, '-e', 'trace=openat,fsync,fdatasync,pwrite64,ftruncate', ...child],
    { stdio: 'ignore' },
  );
  if (status !== 0) return 'not measured: strace is not installed or may not trace';
  const [, between = ''] = readFileSync(output, 'latin1').split(/^openat\(.*\/marker".*$/m);
  const count = (name: RegExp): string => ((between.match(name)?.length ?? 0) / TRACED_COMMITS).toFixed(1);
  return `${count(/^f(data)?sync\(/gm)} fsyncs, ${count(/^pwrite64\(/gm)} writes, ${count(/^ftruncate\(/gm)} truncations`;
}

async function measure(directory: string): Promise<void> {
  const append = rawAppend(directory);
  const first = await rateOf(append);
  const rows: Record<string, string | number>[] = [];
  const { writer, flow, db } = writerIn(directory);
  for (const events of EVENTS_PER_COMMIT) {
    const batch = Array.from({ length: events }, () => [line(flow, MESSAGE)]);
    const { perSecond, medianMs } = await rateOf(() => void writer.commit(batch));
    rows.push(row('writer', events, perSecond, medianMs, first.perSecond));
  }
  db.close();
  const journal = await Journal.open(settingsFor(join(directory, 'journal.db')), realClock);
  const opened = await beginFlow(journal);
  for (const events of EVENTS_PER_COMMIT) {
    const before = await journal.commits();
    const wave = () => Promise.all(Array.from({ length: events }, () => journal.write(line(opened, MESSAGE))));
    const { perSecond, medianMs } = await rateOf(async () => void (await wave()));
    const waves = perSecond * SECONDS_EACH;
    const made = (await journal.commits()) - before;
    rows.push({
      ...row('thread', events, perSecond, medianMs, first.perSecond),
      'commits/batch': (made / waves).toFixed(2),
    });
  }
  await journal.close();
  const last = await rateOf(append);
  const raw = `${Math.round(first.perSecond)}/s at the beginning, ${Math.round(last.perSecond)}/s at the end`;
  console.log(`raw append of 4 KiB and fsync: ${raw}, median ${first.medianMs.toFixed(2)} ms`);
  console.table(rows);
  console.log(`a commit of one event: ${syscallsPerCommit(directory)}`);
}

function row(through: string, events: number, perSecond: number, medianMs: number, raw: number) {
  return {
    through,
    'events/batch': events,
    'batches/s': Math.round(perSecond),
    'events/s': Math.round(perSecond * events),
    'median ms': medianMs.toFixed(2),
    'batches of raw': (perSecond / raw).toFixed(2),
    'events of raw': ((perSecond * events) / raw).toFixed(2),
  };
}

if (traced) commitUnderTrace(parent);
else {
  const directory = mkdtempSync(join(parent, 'recovery-agent-bench-'));
  try {
    await measure(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
