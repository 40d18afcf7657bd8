/**
 * What was reported of each host, and which fencings of it are known, in a small file.
 *
 * Invariant: the file is at every moment either the old or the new one, whole. It is written after the report is safe, never
 * before: a crash in between repeats a report, which the engine recognises, and loses none.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { readConfigurationFile } from '#config/files.ts';
import type { Log } from '#protocol/log.ts';
import { knownAfter } from './known-fencings.ts';
import type { Told } from './reports.ts';

const toldSchema = v.object({
  said: v.picklist(['dead', 'suspected']),
  since: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(8.64e15)),
  proof: v.exactOptional(v.picklist(['fenced', 'power off', 'operator'])),
});
const fencingsSchema = v.array(v.pipe(v.number(), v.integer(), v.maxValue(8.64e15)));
const fileSchema = v.object({
  version: v.literal(1),
  hosts: v.record(v.string(), toldSchema),
  /** Not in files of before the history was read. */
  fencings: v.optional(v.record(v.string(), fencingsSchema), {}),
});

interface Contents {
  readonly hosts: Map<string, Told>;
  /** By host: completion times in ascending order, milliseconds UTC. */
  readonly fencings: Map<string, readonly number[]>;
}

export class Ledger {
  readonly #path: string;
  readonly #hosts: Map<string, Told>;
  readonly #fencings: Map<string, readonly number[]>;
  #isSaved = true;

  private constructor(path: string, { hosts, fencings }: Contents = { hosts: new Map(), fencings: new Map() }) {
    this.#path = path;
    this.#hosts = hosts;
    this.#fencings = fencings;
  }

  /**
   * A file that is not there, or that cannot be understood, counts as one in which nothing was reported: hosts that are
   * dead are then reported again, and a return may go unreported, which the log says.
   */
  static open(path: string, log: Log): Ledger {
    try {
      const content = readConfigurationFile(path);
      if (content === undefined) return new Ledger(path);
      const { hosts, fencings } = v.parse(fileSchema, JSON.parse(new TextDecoder().decode(content.bytes)));
      return new Ledger(path, {
        hosts: new Map(Object.entries(hosts)),
        fencings: new Map(Object.entries(fencings).map(([host, times]) => [host, times.toSorted((a, b) => a - b)])),
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log('error', 'what was reported before cannot be read; hosts that are dead are reported again', { path, reason });
      return new Ledger(path);
    }
  }

  get(host: string): Told | undefined {
    return this.#hosts.get(host);
  }

  /** Fencings that are no news; undefined for a host whose history was never seen. */
  fencings(host: string): readonly number[] | undefined {
    return this.#fencings.get(host);
  }

  /** Holds from here on, and is in the file after the next `save` or `set`. */
  knowFencings(host: string, fencings: readonly number[]): void {
    const known = this.#fencings.get(host);
    const after = knownAfter(known ?? [], fencings);
    if (after === known) return;
    this.#fencings.set(host, after);
    this.#isSaved = false;
  }

  /** False while what is known here does not stand in the file. */
  get isSaved(): boolean {
    return this.#isSaved;
  }

  /** It holds from here on, even when the file cannot be written, which is then thrown. */
  set(host: string, told: Told | undefined): void {
    if (told === undefined) this.#hosts.delete(host);
    else this.#hosts.set(host, told);
    this.save();
  }

  save(): void {
    this.#isSaved = false;
    const [hosts, known] = [this.#hosts, this.#fencings].map((map) => Object.fromEntries([...map].sort()));
    const fencings = this.#fencings.size === 0 ? {} : { fencings: known };
    const text = `${JSON.stringify({ version: 1, hosts, ...fencings }, null, 1)}\n`;
    const directory = dirname(this.#path);
    mkdirSync(directory, { recursive: true, mode: 0o750 });
    const temporary = `${this.#path}.new`;
    writeFileSync(temporary, text, { mode: 0o640, flush: true });
    renameSync(temporary, this.#path);
    // The new name is only safe when its directory is.
    const descriptor = openSync(directory, 'r');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    this.#isSaved = true;
  }
}
