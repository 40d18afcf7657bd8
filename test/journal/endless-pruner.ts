/** Child process: `endless-pruner.ts PATH` fills a journal and removes batch after batch; prints a line for each one. */

import { identifyProcess } from '#engine/journal/process-identity.ts';
import { ALWAYS_KEPT } from '#engine/journal/prune-decision.ts';
import { takeNewLease } from '#engine/journal/session.ts';
import { JournalWriter } from '#engine/journal/writer.ts';
import { notification, STANDING_CLOCK, settingsFor } from './place.ts';

const [path = ''] = process.argv.slice(2);
const settings = settingsFor(path);
const { db, term, heldAt } = takeNewLease(settings, identifyProcess(settings.node), STANDING_CLOCK);
const writer = new JournalWriter(db, term, STANDING_CLOCK, settings);
const reports = Array.from({ length: ALWAYS_KEPT + 3_000 }, (_, n) =>
  notification({
    payload: `{"n":${n}}`,
    target: `host:${n}`,
    generatedAt: n,
    status: 'ignored',
    duplicateIntervalMs: 0,
  }),
);
writer.commit([reports]);
for (let more = true; more; ) {
  const { result } = writer.prune({ retentionMs: 0, maxClosed: 1 }, heldAt);
  more = result.more;
  process.stdout.write(`${result.removed}\n`);
}
