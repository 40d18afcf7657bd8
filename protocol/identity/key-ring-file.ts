/**
 * The file of the key ring: engines read it again whenever it has changed, `recovery-agent key` writes it.
 *
 * Invariant: a copy that cannot be read, is damaged or is older changes nothing for an engine that has read one: hosts with valid keys stay
 * accepted, and a revoked key stays revoked.
 */

import { statSync } from 'node:fs';
import { errorMessage } from '../error-message.ts';
import type { Log } from '../log.ts';
import { IdentityUnusable, readPrivateFile } from '../pre-shared-key.ts';
import { createWholeFile, replaceFile } from '../replaced-file.ts';
import { floorOf, type KeyFloor, stricter, withFloor } from './key-floor.ts';
import { formatKeyRing, type KeyRing, parseKeyRing } from './key-ring.ts';

/** Thousands of hosts. */
const MAX_RING_BYTES = 4 * 1024 * 1024;
const CHECK_MS = 500;
const MODE = 0o600;

/** Throws `IdentityUnusable`. */
export function readKeyRing(path: string): KeyRing {
  const bytes = readPrivateFile(path, MAX_RING_BYTES, 0o077);
  try {
    return parseKeyRing(bytes);
  } catch (error) {
    throw new IdentityUnusable(`${path} cannot be used: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

/** Throws the system's error; `EEXIST` if there is a file. */
export async function createKeyRing(path: string, ring: KeyRing): Promise<void> {
  await createWholeFile(path, formatKeyRing(ring), MODE);
}

/** Throws the system's error; the file is then unchanged. */
export function replaceKeyRing(path: string, ring: KeyRing): void {
  replaceFile({ path, text: formatKeyRing(ring), mode: MODE, durable: 'content and name' });
}

/** The ring of a running engine. */
export class KeyRingFile {
  readonly #path: string;
  readonly #log: Log;
  /** As in the file. */
  #ring: KeyRing;
  /** The accepted part of it. */
  #accepted: KeyRing;
  #floor: KeyFloor;
  #mark: string;
  #checkedAt = performance.now();

  /** Throws `IdentityUnusable`. */
  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
    this.#mark = markOf(path);
    this.#ring = readKeyRing(path);
    this.#accepted = this.#ring;
    this.#floor = floorOf(this.#ring);
  }

  /** The lowest numbers that any engine may accept, according to all copies that this one has read. */
  get floor(): KeyFloor {
    return this.#floor;
  }

  /** Adds the floor of earlier engines: an older copy of the ring then accepts no more than the newer one did. */
  raise(floor: KeyFloor): void {
    if (floor.revision > this.#ring.revision) {
      this.#log('error', 'key ring: this copy is older than one that an engine has used; copy the newest one here', {
        path: this.#path,
        revision: this.#ring.revision,
        newest: floor.revision,
      });
    }
    this.#floor = stricter(this.#floor, floor);
    this.#accepted = withFloor(this.#ring, this.#floor);
  }

  /** At most half a second old. */
  get current(): KeyRing {
    const now = performance.now();
    if (now - this.#checkedAt < CHECK_MS) return this.#accepted;
    this.#checkedAt = now;
    const mark = markOf(this.#path);
    if (mark === this.#mark) return this.#accepted;
    this.#mark = mark;
    try {
      const ring = readKeyRing(this.#path);
      if (ring.revision < this.#ring.revision) {
        const copies = `revision ${ring.revision}, in use is ${this.#ring.revision}`;
        throw new Error(
          `it is an older copy (${copies}); copy the newest one here, or restart the engine to use this one`,
        );
      }
      this.#log('info', 'key ring read again', { path: this.#path, revision: ring.revision });
      this.#ring = ring;
      this.#floor = stricter(this.#floor, floorOf(ring));
      this.#accepted = withFloor(ring, this.#floor);
    } catch (error) {
      const reason = errorMessage(error);
      this.#log('error', 'key ring not read again; the one from before stays in use', { path: this.#path, reason });
    }
    return this.#accepted;
  }
}

/** Differs between two contents of the file. */
function markOf(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? 'none' : `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`;
}
