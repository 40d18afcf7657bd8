/**
 * The keys of heartbeats, from their files, which are read again from time to time: a key is replaced without a restart.
 *
 * Invariant: a key that cannot be used (missing, short, open to everybody) is never used, and no message holds one. Once
 * there were usable keys, they stay until there are others.
 */
import { readConfigurationFile } from '#config/files.ts';

/** Shorter than the output of SHA-256 would weaken it (RFC 2104, section 3). */
const MIN_KEY_BYTES = 32;
const MAX_KEY_BYTES = 4096;
const READ_AGAIN_MS = 10_000;

export class HeartbeatKeys {
  readonly #files: readonly string[];
  #keys: readonly Uint8Array[];
  #readAt = performance.now();
  #fault: string | undefined;

  /** @param previousFile may be empty, and may be missing: it goes once the new key is everywhere. */
  constructor(file: string, previousFile: string) {
    this.#files = previousFile === '' ? [file] : [file, previousFile];
    this.#keys = readKeys(this.#files);
  }

  /** The key that packets are signed with. */
  get current(): Uint8Array {
    const [key] = this.all;
    if (key === undefined) throw new Error('there is no heartbeat key');
    return key;
  }

  /** All keys that are accepted, the current one first. */
  get all(): readonly Uint8Array[] {
    if (performance.now() - this.#readAt >= READ_AGAIN_MS) this.refresh();
    return this.#keys;
  }

  /** Why the files could not be read again; undefined when all is well. */
  get fault(): string | undefined {
    return this.#fault;
  }

  refresh(): void {
    this.#readAt = performance.now();
    try {
      this.#keys = readKeys(this.#files);
      this.#fault = undefined;
    } catch (error) {
      this.#fault = error instanceof Error ? error.message : String(error);
    }
  }
}

function readKeys([file = '', previousFile]: readonly string[]): readonly Uint8Array[] {
  const key = readKey(file);
  if (key === undefined) {
    const hint = 'make one with "openssl rand -hex 32" and bring it to all hosts, mode 640';
    throw new Error(`the heartbeat key ${file} does not exist: ${hint}`);
  }
  const previous = previousFile === undefined ? undefined : readKey(previousFile);
  return previous === undefined ? [key] : [key, previous];
}

function readKey(file: string): Uint8Array | undefined {
  let content: ReturnType<typeof readConfigurationFile>;
  try {
    content = readConfigurationFile(file);
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no regular file';
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
