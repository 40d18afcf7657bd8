/**
 * What is remembered of the domains, across the ends of this process.
 *
 * Invariants: the file is replaced as a whole and is on the disk before `save` resolves; what was remembered before the
 * host started anew is forgotten: libvirt's ids begin again then, and what ended with the host is the host's failure. A
 * file that cannot be understood is put aside, not fatal: what is off then is judged as if seen for the first time.
 */
import { readFileSync } from 'node:fs';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as v from 'valibot';
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

  /** @param onTrouble is told what was wrong with the file */
  static async open(path: string, boot: string, onTrouble: (text: string) => void): Promise<Memory> {
    await mkdir(dirname(path), { recursive: true });
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
        return new Memory(path, boot, new Map());
      throw error;
    }
    try {
      const stored = v.parse(schema, JSON.parse(text.slice(0, MAX_BYTES)));
      const domains = stored.boot === boot ? Object.entries(stored.domains) : [];
      return new Memory(path, boot, new Map(domains));
    } catch (error) {
      await rename(path, `${path}.damaged`);
      const reason = error instanceof Error ? error.message : String(error);
      onTrouble(`What was remembered of the instances cannot be read and was put aside as ${path}.damaged: ${reason}`);
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

  /** In memory; `save` makes it last. */
  set(uuid: string, known: KnownDomain | undefined): void {
    if (this.#domains.get(uuid) === known) return;
    this.#changes += 1;
    if (known === undefined) this.#domains.delete(uuid);
    else this.#domains.set(uuid, known);
  }

  /** Resolves when all that was set before lies on the disk. */
  save(): Promise<void> {
    const wanted = this.#changes;
    // One after the other; whoever waits finds it done by the one before, as a rule.
    const saving = this.#saving
      .catch(() => {})
      .then(async () => {
        if (this.#saved < wanted) await this.#write();
      });
    this.#saving = saving;
    // Whoever called hears of it.
    saving.catch(() => {});
    return saving;
  }

  async #write(): Promise<void> {
    const changes = this.#changes;
    const text = `${JSON.stringify({ version: 1, boot: this.#boot, domains: Object.fromEntries(this.#domains) })}\n`;
    const temporary = `${this.#path}.new`;
    {
      await using file = await open(temporary, 'w', 0o640);
      await file.writeFile(text);
      await file.sync();
    }
    await rename(temporary, this.#path);
    {
      await using folder = await open(dirname(this.#path), 'r');
      await folder.sync();
    }
    this.#saved = changes;
  }
}
