/**
 * What was reported of each host, in a small file.
 *
 * Invariant: the file is at every moment either the old or the new one, whole. It is written after the report is safe, never
 * before: a crash in between repeats a report, which the engine recognises, and loses none.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { readConfigurationFile } from '#config/files.ts';
import type { Log } from '#protocol/log.ts';
import type { Told } from './reports.ts';

const toldSchema = v.object({
  said: v.picklist(['dead', 'suspected']),
  since: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(8.64e15)),
  proof: v.exactOptional(v.picklist(['fenced', 'power off', 'operator'])),
});
const fileSchema = v.object({ version: v.literal(1), hosts: v.record(v.string(), toldSchema) });

export class Ledger {
  readonly #path: string;
  readonly #hosts: Map<string, Told>;
  #isSaved = true;

  private constructor(path: string, hosts: Map<string, Told>) {
    this.#path = path;
    this.#hosts = hosts;
  }

  /**
   * A file that is not there, or that cannot be understood, counts as one in which nothing was reported: hosts that are
   * dead are then reported again, and a return may go unreported, which the log says.
   */
  static open(path: string, log: Log): Ledger {
    try {
      const content = readConfigurationFile(path);
      if (content === undefined) return new Ledger(path, new Map());
      const { hosts } = v.parse(fileSchema, JSON.parse(new TextDecoder().decode(content.bytes)));
      return new Ledger(path, new Map(Object.entries(hosts)));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log('error', 'what was reported before cannot be read; hosts that are dead are reported again', { path, reason });
      return new Ledger(path, new Map());
    }
  }

  get(host: string): Told | undefined {
    return this.#hosts.get(host);
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
    const text = `${JSON.stringify({ version: 1, hosts: Object.fromEntries([...this.#hosts].sort()) }, null, 1)}\n`;
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
