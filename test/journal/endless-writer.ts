/**
 * Child process: `endless-writer.ts PATH [LIMIT]` opens the journal in its thread, prints `epoch N`, then writes events,
 * several at a time, and prints the number of each one that was acknowledged, until it is killed or has written LIMIT.
 * When the journal fails it prints `failed KIND`.
 */

import { JournalFailure } from '#engine/journal/failure.ts';
import { Journal } from '#engine/journal/journal.ts';
import { realClock } from '#protocol/clock.ts';
import { beginFlow, line, settingsFor } from './place.ts';

const [path = '', limit = 'Infinity'] = process.argv.slice(2);

function report(text: string): void {
  // Synchronous, as stdout is a pipe.
  process.stdout.write(`${text}\n`);
}

async function run(): Promise<void> {
  const journal = await Journal.open(settingsFor(path), realClock);
  report(`epoch ${journal.epoch}`);
  const [logbook] = await journal.query('open');
  const flow = (logbook && (await journal.query('openFlow', logbook.id))) ?? (await beginFlow(journal));
  const [known] = logbook ? ((await journal.query('show', logbook.uuid))?.flows ?? []) : [];
  let next = (known?.events.length ?? 0) + 1;
  const last = Number(limit);
  while (next <= last) {
    // Waves of 1 to 5 requests of 1 to 3 events: batches, and transactions of more than one row.
    const wave = Array.from({ length: 1 + (next % 5) }, (_, turn) => {
      const numbers = Array.from({ length: 1 + (turn % 3) }, () => next++);
      return journal.write(...numbers.map((number) => line(flow, `${number}`))).then(() => report(`${numbers.at(-1)}`));
    });
    await Promise.all(wave);
  }
  await journal.close();
}

await run().catch((error: unknown) => {
  if (!(error instanceof JournalFailure)) throw error;
  report(`failed ${error.kind}`);
  process.exit();
});
