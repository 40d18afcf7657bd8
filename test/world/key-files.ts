/** A key ring of engines and the key files that it issues, as `recovery-agent key` writes them. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatHostKey } from '#protocol/identity/host-key.ts';
import { issue, type KeyRing, newKeyRing } from '#protocol/identity/key-ring.ts';
import { readKeyRing, replaceKeyRing } from '#protocol/identity/key-ring-file.ts';

export class KeyFiles {
  readonly #directory: string;
  /** Made where the directory has none yet. */
  readonly ringFile: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.ringFile = join(directory, 'key-ring');
    if (!existsSync(this.ringFile)) replaceKeyRing(this.ringFile, newKeyRing(new Date().toISOString()));
  }

  /** The path of the host's key. */
  issue(host: string, watcher = false): string {
    const path = join(this.#directory, `${host}.key`);
    this.change((ring) => {
      const issued = issue(ring, host, { watcher, now: new Date().toISOString() });
      writeFileSync(path, formatHostKey(issued.key), { mode: 0o600 });
      return issued.ring;
    });
    return path;
  }

  change(change: (ring: KeyRing) => KeyRing): void {
    replaceKeyRing(this.ringFile, change(readKeyRing(this.ringFile)));
  }
}
