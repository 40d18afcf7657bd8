/**
 * What is known of each process, on disk, so that a monitor that is started again reports nothing twice, loses no report
 * that was due, and does not begin to count restarts anew.
 *
 * Invariants: the file is replaced whole; it holds for one boot of the host, since after it every process begins anew.
 */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { type Standing, UNKNOWN_STANDING } from './decision.ts';

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

/** Nothing if there is no file, or one of an earlier boot. Throws when it cannot be understood. */
export function readStandings(path: string, bootId: string): Standings {
  let text: string;
  try {
    if (statSync(path).size > MAX_BYTES) throw new Error(`${path} is larger than ${MAX_BYTES} bytes`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Map();
    throw error;
  }
  const parsed = v.parse(fileSchema, JSON.parse(text));
  return new Map(parsed.bootId === bootId ? Object.entries(parsed.processes) : []);
}

/** How it looked is not kept: between two monitors nobody looked. */
export function writeStandings(path: string, bootId: string, standings: Standings): void {
  const kept = [...standings].flatMap(([key, { tries, lastTryAt, restarts, failure }]) =>
    tries === 0 && restarts.length === 0 && failure === undefined
      ? []
      : [[key, { tries, lastTryAt, restarts, failure }] as const],
  );
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.new`;
  // After a power cut the host has another boot id: what was not flushed is not missed.
  writeFileSync(temporary, `${JSON.stringify({ bootId, processes: Object.fromEntries(kept) })}\n`, { mode: 0o600 });
  renameSync(temporary, path);
}

export function standingOf(standings: Standings, key: string): Standing {
  return standings.get(key) ?? UNKNOWN_STANDING;
}
