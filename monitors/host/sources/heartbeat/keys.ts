/**
 * Reads the keys of heartbeats from their files, and reads them again periodically: a key is replaced without a restart.
 *
 * Each host signs with a key of its own; watchers derive all of them. Invariant: an unusable key (missing, short, readable by every user)
 * is never used, and no message contains a key. Keys that were usable stay in use until there are others.
 */

import { readTrustedFile, whyUnusable } from '#config/document/files.ts';
import type { EngineOptions } from '#config/options/options.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { comparableHost, isEqualHost } from '#protocol/host-name.ts';
import { heartbeatKey } from '#protocol/identity/derive.ts';
import { type HostKey, parseHostKey } from '#protocol/identity/host-key.ts';

/** Shorter than the output of SHA-256 would weaken it (RFC 2104, section 3). */
const MIN_KEY_BYTES = 32;
const MAX_KEY_BYTES = 4096;
const READ_AGAIN_MS = 10_000;
const MAX_DERIVED = 20_000;

/** The key in one file: that of a host and, for a watcher, of all others; or a key that all hosts share. */
type FileKeys = { readonly own: HostKey } | { readonly shared: Uint8Array };

export class HeartbeatKeys {
  readonly #files: readonly string[];
  readonly #takesShared: boolean;
  #keys: readonly FileKeys[];
  /** Derived once for each host; the number of hosts is limited. */
  #derived = new Map<string, readonly Uint8Array[]>();
  #readAt = performance.now();
  #fault: string | undefined;

  /** The previous file may be missing: it is removed once the new key is on all hosts. */
  constructor({ heartbeat, transport }: Pick<EngineOptions, 'heartbeat' | 'transport'>) {
    const file = heartbeat.keyFile || transport.keyFile;
    if (file === '') {
      throw new Error('heartbeats need a key: [transport] key_file, as "recovery-agent key issue" writes it');
    }
    this.#files = heartbeat.previousKeyFile === '' ? [file] : [file, heartbeat.previousKeyFile];
    this.#takesShared = heartbeat.sharedKey === 'accept';
    this.#keys = readKeys(this.#files, this.#takesShared);
  }

  /** The key with which this host signs. Throws if the key was issued to another host. */
  signing(node: string): Uint8Array {
    this.#refreshIfDue();
    const [first] = this.#keys;
    if (first === undefined) throw new Error('there is no heartbeat key');
    if ('shared' in first) return first.shared;
    if (!isEqualHost(first.own.host, node)) {
      throw new Error(
        `the key ${this.#files[0]} was issued to host ${first.own.host}, and this host is ${node} ([monitors] host_name)`,
      );
    }
    return first.own.heartbeat;
  }

  /** The keys with which that host may have signed; none if this host is no watcher. */
  of(host: string): readonly Uint8Array[] {
    this.#refreshIfDue();
    const name = comparableHost(host);
    const known = this.#derived.get(name);
    if (known) return known;
    const keys = this.#keys.flatMap((one) =>
      'shared' in one ? [one.shared] : one.own.watched.map(({ heartbeats }) => heartbeatKey(heartbeats, name)),
    );
    // Keys are derived also for names that are not proven.
    if (this.#derived.size >= MAX_DERIVED) this.#derived.clear();
    this.#derived.set(name, keys);
    return keys;
  }

  /** Why this host cannot check heartbeats of other hosts; undefined if it can. */
  get watchFault(): string | undefined {
    const canWatch = this.#keys.some((one) => 'shared' in one || one.own.watched.length > 0);
    return canWatch
      ? undefined
      : `the key ${this.#files[0]} checks no heartbeats of other hosts; issue it with "recovery-agent key issue HOST --watcher"`;
  }

  /** Why the files could not be read again; undefined without an error. */
  get fault(): string | undefined {
    return this.#fault;
  }

  #refreshIfDue(): void {
    if (performance.now() - this.#readAt >= READ_AGAIN_MS) this.refresh();
  }

  refresh(): void {
    this.#readAt = performance.now();
    try {
      this.#keys = readKeys(this.#files, this.#takesShared);
      this.#derived = new Map();
      this.#fault = undefined;
    } catch (error) {
      this.#fault = errorMessage(error);
    }
  }
}

function readKeys([file = '', previousFile]: readonly string[], takesShared: boolean): readonly FileKeys[] {
  const key = keysIn(file, takesShared);
  if (key === undefined) {
    throw new Error(`the heartbeat key ${file} does not exist: issue one with "recovery-agent key issue HOST"`);
  }
  const previous = previousFile === undefined ? undefined : keysIn(previousFile, takesShared);
  return previous === undefined ? [key] : [key, previous];
}

function keysIn(file: string, takesShared: boolean): FileKeys | undefined {
  const bytes = readKey(file);
  if (bytes === undefined) return undefined;
  let own: HostKey | undefined;
  try {
    own = parseHostKey(bytes);
  } catch (cause) {
    const reason = errorMessage(cause);
    throw new Error(`the heartbeat key ${file} cannot be used: ${reason}; issue it again`, { cause });
  }
  if (own !== undefined) return { own };
  if (takesShared) return { shared: bytes };
  throw new Error(
    `the heartbeat key ${file} is not of this host alone: issue one with "recovery-agent key issue HOST" ` +
      '(a key that all hosts share is used only with [heartbeat] shared_key = accept)',
  );
}

function readKey(file: string): Uint8Array | undefined {
  let content: ReturnType<typeof readTrustedFile>;
  try {
    content = readTrustedFile(file);
  } catch (cause) {
    const why = whyUnusable(cause);
    throw new Error(`the heartbeat key ${file} cannot be read (${why})`, { cause });
  }
  if (content === undefined) return undefined;
  if ((content.mode & 0o007) !== 0) {
    throw new Error(`the heartbeat key ${file} is open to every user of this machine: chmod 640 ${file}`);
  }
  // An editor adds a newline, `echo` too: it is not part of the key.
  let length = content.bytes.length;
  while (length > 0 && (content.bytes[length - 1] === 0x0a || content.bytes[length - 1] === 0x0d)) length -= 1;
  if (length < MIN_KEY_BYTES || length > MAX_KEY_BYTES) {
    throw new Error(`the heartbeat key ${file} must have ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES} bytes, not ${length}`);
  }
  return content.bytes.subarray(0, length);
}
