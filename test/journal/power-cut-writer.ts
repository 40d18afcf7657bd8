/**
 * Child process, run under strace: `power-cut-writer.ts PATH COMMITS [PRAGMA…]` writes COMMITS transactions with the
 * production opening, lease and writer, and reports each acknowledged one by a syscall of its own (access of
 * `/acknowledged/N`). PRAGMAs after the opening make a writer that is known to lose: the positive control.
 */
import { existsSync } from 'node:fs';
import { identifyProcess } from '#engine/journal/process-identity.ts';
import { takeNewLease } from '#engine/journal/session.ts';
import { JournalWriter } from '#engine/journal/writer.ts';
import { realClock } from '#protocol/clock.ts';
import { line, openFlow, settingsFor } from './place.ts';

const [path = '', commits = '', ...pragmas] = process.argv.slice(2);
const settings = settingsFor(path);
const { db, term } = takeNewLease(settings, identifyProcess('n1'), realClock);
for (const pragma of pragmas) db.pragma(pragma);
const writer = new JournalWriter(db, term, realClock, settings);
const flow = openFlow(writer);
for (let commit = 1; commit <= Number(commits); commit++) {
  // 1 to 4 events of different lengths and a row that must always agree with them.
  const events = Array.from({ length: 1 + (commit % 4) }, (_, n) => line(flow, `${commit} ${'x'.repeat(n * 700)}`));
  writer.commit([[...events, { op: 'host', name: 'compute-1', reserved: 0, by: 'power cut', at: commit }]]);
  existsSync(`/acknowledged/${commit}`);
}
// The last transaction is cut, too: nothing is closed in order.
process.kill(process.pid, 'SIGKILL');
