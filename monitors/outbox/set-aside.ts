/** Reports that cannot be delivered, and foreign files, kept for a person to check: the folder `set-aside`. */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '#protocol/log.ts';

export const ASIDE = 'set-aside';

/** Beyond this number the oldest is removed; the log has the reason of each. */
const MAX_KEPT = 1_000;

export class SetAside {
  readonly #outbox: string;
  readonly #folder: string;
  readonly #log: Log;
  #count = 0;

  constructor(outbox: string, log: Log) {
    this.#outbox = outbox;
    this.#folder = join(outbox, ASIDE);
    this.#log = log;
  }

  async take(name: string, reason: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const kept = await this.#nameFor(name);
    try {
      await rename(join(this.#outbox, name), join(this.#folder, kept));
    } catch (error) {
      // Another process of ours was faster.
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
      throw error;
    }
    this.#log('error', `set aside: ${reason}`, { file: join(this.#folder, kept) });
  }

  /** Sorts by the time of setting aside and does not use an existing name. */
  async #nameFor(name: string): Promise<string> {
    const names = (await readdir(this.#folder)).sort();
    for (const oldest of names.slice(0, Math.max(0, names.length - MAX_KEPT + 1))) {
      await rm(join(this.#folder, oldest), { recursive: true, force: true });
      this.#log('warning', 'too many files were set aside; the oldest is removed', {
        file: join(this.#folder, oldest),
      });
    }
    this.#count += 1;
    const time = new Date().toISOString().replaceAll(':', '');
    return `${time}.${process.pid}.${String(this.#count).padStart(6, '0')}.${name.slice(-100)}`;
  }
}
