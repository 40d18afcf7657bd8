/**
 * `status.json` beside the journal: what the engine last said of itself, for nodes that can reach neither its socket nor
 * SQLite's locks. Replaced as a whole; a reader never sees half of it.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { crashPoint } from '../crash-points.ts';

export function statusFileOf(journalPath: string): string {
  return join(dirname(journalPath), 'status.json');
}

export class StatusFile {
  /** The directory itself, not its name: when its storage has gone away, nothing is written to what lies there instead. */
  readonly #directory: number;
  readonly #path: string;
  #writing: Promise<void> | undefined;
  #next: unknown;
  #isClosed = false;

  constructor(journalPath: string) {
    this.#directory = openSync(dirname(journalPath), constants.O_RDONLY | constants.O_DIRECTORY);
    this.#path = join(`/proc/self/fd/${this.#directory}`, basename(statusFileOf(journalPath)));
  }

  /** Writes `status` soon; of several in a row only the last. Resolves when it, or a newer one, is in place. */
  write(status: unknown): Promise<void> {
    if (this.#isClosed) return Promise.reject(new Error('the status file is closed'));
    this.#next = status;
    this.#writing ??= Promise.resolve().then(() => this.#drain());
    return this.#writing;
  }

  /** Ends what is being written and lets go of the storage. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#writing?.catch(() => {});
    closeSync(this.#directory);
  }

  async #drain(): Promise<void> {
    try {
      while (this.#next !== undefined) {
        const text = `${JSON.stringify(this.#next, null, 2)}\n`;
        this.#next = undefined;
        await this.#replace(text);
      }
    } finally {
      // In the same breath as the last look at `#next`: what is given from now on begins anew.
      this.#writing = undefined;
    }
  }

  async #replace(text: string): Promise<void> {
    const temporary = `${this.#path}.new`;
    let file: FileHandle | undefined;
    try {
      file = await open(temporary, 'w', 0o640);
      await file.writeFile(text);
      await file.datasync();
      await file.close();
      file = undefined;
      crashPoint('status.before-rename');
      await rename(temporary, this.#path);
    } catch (error) {
      await file?.close().catch(() => {});
      await rm(temporary, { force: true });
      throw error;
    }
  }
}
