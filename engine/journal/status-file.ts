/**
 * `status.json` beside the journal: what the engine last said of itself, for nodes that can reach neither its socket nor
 * SQLite's locks. Replaced as a whole; a reader never sees half of it.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crashPoint } from '../crash-points.ts';

export function statusFileOf(journalPath: string): string {
  return join(dirname(journalPath), 'status.json');
}

export class StatusFile {
  readonly #path: string;
  #writing: Promise<void> | undefined;
  #next: unknown;

  constructor(journalPath: string) {
    this.#path = statusFileOf(journalPath);
  }

  /** Writes `status` soon; of several in a row only the last. Resolves when it, or a newer one, is in place. */
  write(status: unknown): Promise<void> {
    this.#next = status;
    this.#writing ??= Promise.resolve().then(() => this.#drain());
    return this.#writing;
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
