/**
 * The power is cut after every syscall of the writer. strace records the syscalls of the production writer; a model of a disk rebuilds the
 * files as a cut at each syscall could leave them; the production opening recovers each image, and every commit that was acknowledged
 * before the cut must be in it, whole. Variants with a known loss show that the simulation detects one.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { DiskModel, type WriteOutcome } from '#test/journal/disk-model.ts';
import { Place, settingsFor } from '#test/journal/place.ts';
import { strace } from '#test/journal/requirements.ts';
import { type Syscall, trace } from '#test/journal/syscalls.ts';
import { openForWriting } from './open.ts';

const WRITER = fileURLToPath(import.meta.resolve('#test/journal/power-cut-writer.ts'));
const FATES: readonly WriteOutcome[] = ['none', 'all', 'contents', 'some', 'some'];

interface Findings {
  /** Places where the power was cut. */
  cuts: number;
  images: number;
  /** Images without a commit that had been acknowledged. */
  lost: number;
  /** Images with half of a commit. */
  torn: number;
  /** Images that could not be opened, or whose integrity is hurt. */
  damaged: number;
  first: string;
}

/** Numbers from 0 to 1, the same in every run (Lehmer, MINSTD). */
function chanceFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** A fast place for thousands of images. */
function imageDirectory(): string {
  const isMemory = existsSync('/dev/shm') && (statSync('/dev/shm').mode & 0o200) !== 0;
  return mkdtempSync(join(isMemory ? '/dev/shm' : tmpdir(), 'recovery-agent-images-'));
}

function decide(path: string, acknowledged: number, findings: Findings, where: string): void {
  const note = (kind: 'lost' | 'torn' | 'damaged', text: string): void => {
    findings[kind] += 1;
    findings.first ||= `${kind} ${where}: ${text}`;
  };
  findings.images += 1;
  try {
    const { db } = openForWriting(settingsFor(path));
    try {
      const events = db.prepare<[], string>('SELECT message FROM events ORDER BY id').pluck().all();
      const row = db.prepare<[], number>('SELECT max(updated_at) FROM hosts').pluck().get() ?? 0;
      const expected = Array.from({ length: row }, (_, n) => Array(1 + ((n + 1) % 4)).fill(n + 1)).flat();
      if (row < acknowledged) note('lost', `${acknowledged} were acknowledged, ${row} are there`);
      if (events.map((message) => Number.parseInt(message, 10)).join() !== expected.join()) note('torn', `at ${row}`);
      const integrity = db.pragma('integrity_check', { simple: true });
      if (integrity !== 'ok') note('damaged', String(integrity));
    } finally {
      db.close();
    }
  } catch (error) {
    note('damaged', String(error));
  }
}

/** Cuts the power after every syscall and checks each possible state of the unsynced data. */
function cutEverywhere(syscalls: readonly Syscall[]): Findings {
  const findings: Findings = { cuts: 0, images: 0, lost: 0, torn: 0, damaged: 0, first: '' };
  const directory = imageDirectory();
  const path = join(directory, 'journal.db');
  const disk = new DiskModel();
  const chance = chanceFrom(20_261);
  let acknowledged = 0;
  for (const [index, syscall] of syscalls.entries()) {
    disk.run(syscall);
    if (syscall.call === 'acknowledge') acknowledged = syscall.commit;
    findings.cuts += 1;
    for (const outcome of FATES) {
      rmSync(directory, { recursive: true, force: true });
      mkdirSync(directory, { mode: 0o750 });
      for (const [name, bytes] of disk.cut(outcome, chance)) writeFileSync(join(directory, name), bytes);
      decide(path, acknowledged, findings, `after syscall ${index} (${syscall.call}), unsynced data ${outcome}`);
    }
  }
  rmSync(directory, { recursive: true, force: true });
  return findings;
}

function record(place: Place, commits: number, ...pragmas: string[]): Syscall[] {
  const command = [process.execPath, WRITER, place.path, String(commits), ...pragmas];
  const syscalls = trace(command, place.directory, join(tmpdir(), `recovery-agent-trace-${process.pid}`));
  rmSync(join(tmpdir(), `recovery-agent-trace-${process.pid}`), { force: true });
  return syscalls;
}

const requirement = strace('power-cut.test.ts');
describe.skipIf(requirement.isMissing)(
  `a power cut after every syscall${requirement.note}`,
  { timeout: 120_000 },
  () => {
    test('the model knows everything that the writer did to its files', () => {
      using place = new Place();
      const syscalls = record(place, 12);
      const disk = new DiskModel();
      for (const syscall of syscalls) disk.run(syscall);
      const rebuilt = disk.cut('all', () => 0);
      expect([...rebuilt.keys()].sort()).toEqual(['journal.db', 'journal.db-journal']);
      for (const [name, bytes] of rebuilt)
        expect(bytes.equals(readFileSync(join(place.directory, name))), name).toBe(true);
      expect(syscalls.filter(({ call }) => call === 'acknowledge')).toHaveLength(12);
    });

    test('loses no acknowledged commit of the production writer, from the first syscall of a new file on', () => {
      using place = new Place();
      const findings = cutEverywhere(record(place, 30));
      console.log(`power cuts: ${JSON.stringify(findings)}`);
      expect(findings).toMatchObject({ lost: 0, torn: 0, damaged: 0, first: '' });
      expect(findings.images).toBeGreaterThan(1_000);
    });

    test.each([
      ["SQLite's own default", ['journal_mode = DELETE', 'synchronous = FULL']],
      ['a journal that is not synced at its end', ['synchronous = NORMAL']],
    ])('shows what is lost with %s (the control)', (_, pragmas) => {
      using place = new Place();
      const findings = cutEverywhere(record(place, 6, ...pragmas));
      console.log(`power cuts, control: ${JSON.stringify(findings)}`);
      expect(findings.lost).toBeGreaterThan(0);
    });
  },
);
