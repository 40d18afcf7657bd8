/**
 * The state of each process, on disk. A monitor that is restarted reports nothing twice, loses no report that was due, and
 * continues to count the restarts.
 *
 * Invariants: the file is replaced as a whole. It is valid for one boot of the host, after which every process is started again.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { removeUnfinished, replaceFile } from '#protocol/replaced-file.ts';
import { readStateFile } from '../service/state-file.ts';
import { type Standing, UNKNOWN_STANDING } from './process-decision.ts';

/** 500 entries with 1000 restarts each would be 8 MB. */
const MAX_BYTES = 16 * 1024 * 1024;

const time = v.pipe(v.number(), v.integer(), v.minValue(0));
const fileSchema = v.object({
  bootId: v.string(),
  processes: v.record(
    v.string(),
    v.object({
      tries: v.pipe(v.number(), v.integer(), v.minValue(0)),
      lastTryAt: v.optional(time),
      restarts: v.pipe(v.array(time), v.maxLength(1000)),
      failure: v.optional(v.object({ at: time, report: v.picklist(['due', 'made']) })),
    }),
  ),
});

export type Standings = Map<string, Standing>;

export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** Empty if there is no file, or one of an earlier boot. Throws if it is not trusted or cannot be parsed. */
export function readStandings(path: string, bootId: string): Standings {
  removeUnfinished(path);
  const text = readStateFile(path, MAX_BYTES);
  if (text === undefined) return new Map();
  const parsed = v.parse(fileSchema, JSON.parse(text));
  return new Map(parsed.bootId === bootId ? Object.entries(parsed.processes) : []);
}

/** The last poll's result is not stored: between two monitors no poll is made. */
export function writeStandings(path: string, bootId: string, standings: Standings): void {
  const kept = [...standings].flatMap(([key, { tries, lastTryAt, restarts, failure }]) =>
    tries === 0 && restarts.length === 0 && failure === undefined
      ? []
      : [[key, { tries, lastTryAt, restarts, failure }] as const],
  );
  mkdirSync(dirname(path), { recursive: true });
  const text = `${JSON.stringify({ bootId, processes: Object.fromEntries(kept) })}\n`;
  // After a power cut the host has another boot ID, so data that was not flushed is not needed.
  replaceFile({ path, text, mode: 0o600, durable: 'no' });
}

export function standingOf(standings: Standings, key: string): Standing {
  return standings.get(key) ?? UNKNOWN_STANDING;
}
