/**
 * `status.json` beside the journal: the last status of the engine, for nodes that can reach neither its socket nor SQLite's locks. Replaced
 * as a whole; a reader never sees half of it.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { printableJson } from '#protocol/printable.ts';
import { removeUnfinished, replaceFileSlowly } from '#protocol/replaced-file.ts';
import { crashPoint } from '../crash-points.ts';

export function statusFileOf(journalPath: string): string {
  return join(dirname(journalPath), 'status.json');
}

export class StatusFile {
  /** The directory itself, not its name: if its storage was removed, nothing is written to the directory that has the name instead. */
  readonly #directory: number;
  readonly #path: string;
  #writing: Promise<void> | undefined;
  #next: unknown;
  #isClosed = false;

  constructor(journalPath: string) {
    this.#directory = openSync(dirname(journalPath), constants.O_RDONLY | constants.O_DIRECTORY);
    this.#path = join(`/proc/self/fd/${this.#directory}`, basename(statusFileOf(journalPath)));
    removeUnfinished(this.#path);
  }

  /** Writes `status` soon; of several consecutive ones only the last. Resolves when it, or a newer one, is in place. */
  write(status: unknown): Promise<void> {
    if (this.#isClosed) return Promise.reject(new Error('the status file is closed'));
    this.#next = status;
    this.#writing ??= Promise.resolve().then(() => this.#drain());
    return this.#writing;
  }

  /** Ends a write in progress and releases the storage. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#writing?.catch(() => {});
    closeSync(this.#directory);
  }

  async #drain(): Promise<void> {
    try {
      while (this.#next !== undefined) {
        const text = `${printableJson(this.#next, 2)}\n`;
        this.#next = undefined;
        const replacement = { path: this.#path, text, mode: 0o640, durable: 'content' } as const;
        await replaceFileSlowly(replacement, () => crashPoint('status.before-rename'));
      }
    } finally {
      // In the same turn as the last check of `#next`: a later status starts a new write.
      this.#writing = undefined;
    }
  }
}
