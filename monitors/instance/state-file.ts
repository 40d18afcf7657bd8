/**
 * The state of the domains, stored across the ends of this process.
 *
 * Invariants: the file is replaced as a whole and is on the disk before `save` resolves. State from before the last boot of
 * the host is dropped: libvirt's ids start again then, and an instance that ended with the host is the host's failure. A
 * file that is not trusted or cannot be parsed is moved away and is not fatal: an instance that is off is then treated as new.
 */

import { readFileSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { Distrusted } from '#config/document/files.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { removeUnfinished, replaceFileSlowly } from '#protocol/replaced-file.ts';
import { readStateFile } from '../service/state-file.ts';
import type { KnownDomain } from './known-domain.ts';

/** Some 200 bytes a domain, and libvirt lists at most 16384. */
const MAX_BYTES = 8 * 1024 * 1024;

const kinds = ['killed', 'panicked', 'io-error', 'watchdog', 'api-error', 'disk-error', 'unexplained'] as const;

const schema = v.object({
  version: v.literal(1),
  boot: v.string(),
  domains: v.record(
    v.string(),
    v.object({
      name: v.string(),
      life: v.pipe(v.number(), v.integer()),
      power: v.picklist(['on', 'off']),
      at: v.number(),
      reported: v.array(v.picklist(kinds)),
    }),
  ),
});

export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

export class Memory {
  readonly #path: string;
  readonly #boot: string;
  readonly #domains: Map<string, KnownDomain>;
  #saving: Promise<void> = Promise.resolve();
  #changes = 0;
  #saved = 0;

  /** @param onTrouble receives the reason why the file is not used */
  static async open(path: string, boot: string, onTrouble: (text: string) => void): Promise<Memory> {
    await mkdir(dirname(path), { recursive: true });
    removeUnfinished(path);
    try {
      const text = readStateFile(path, MAX_BYTES);
      if (text === undefined) return new Memory(path, boot, new Map());
      const stored = v.parse(schema, JSON.parse(text));
      const domains = stored.boot === boot ? Object.entries(stored.domains) : [];
      return new Memory(path, boot, new Map(domains));
    } catch (error) {
      // A read error of the system: the file may still be good.
      if (error instanceof Error && 'code' in error) throw error;
      const kept = `${path}.${error instanceof Distrusted ? 'distrusted' : 'damaged'}`;
      await rename(path, kept);
      const reason = errorMessage(error);
      onTrouble(
        `state file of the instances: not used and moved to ${kept} (${reason}); each instance is treated as new`,
      );
      return new Memory(path, boot, new Map());
    }
  }

  private constructor(path: string, boot: string, domains: Map<string, KnownDomain>) {
    this.#path = path;
    this.#boot = boot;
    this.#domains = domains;
  }

  get(uuid: string): KnownDomain | undefined {
    return this.#domains.get(uuid);
  }

  entries(): [string, KnownDomain][] {
    return [...this.#domains];
  }

  /** Changes the copy in memory; `save` makes it durable. */
  set(uuid: string, known: KnownDomain | undefined): void {
    if (this.#domains.get(uuid) === known) return;
    this.#changes += 1;
    if (known === undefined) this.#domains.delete(uuid);
    else this.#domains.set(uuid, known);
  }

  /** Resolves when all earlier changes are on the disk. */
  save(): Promise<void> {
    const wanted = this.#changes;
    // One after the other: as a rule the save before has already written the change of one that waits.
    const saving = this.#saving
      .catch(() => {})
      .then(async () => {
        if (this.#saved < wanted) await this.#write();
      });
    this.#saving = saving;
    // The caller handles the rejection.
    saving.catch(() => {});
    return saving;
  }

  async #write(): Promise<void> {
    const changes = this.#changes;
    const text = `${JSON.stringify({ version: 1, boot: this.#boot, domains: Object.fromEntries(this.#domains) })}\n`;
    await replaceFileSlowly({ path: this.#path, text, mode: 0o640, durable: 'content and name' });
    this.#saved = changes;
  }
}
