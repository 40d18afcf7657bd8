/**
 * Files of keys and certificates, and the key that engines and hosts shared in versions before, which may be any bytes.
 *
 * Invariant: a key that other users of this machine could have read or changed is not used. Its bytes are in no message.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { faultOfFile } from './trusted-path.ts';

const MIN_KEY_BYTES = 32;
/** Pacemaker's own key has 4096. */
const MAX_KEY_BYTES = 4096;

/** The key, or a file of certificates, cannot be used; the message has the reason and a remedy. */
export class IdentityUnusable extends Error {
  override readonly name = 'IdentityUnusable';
}

/** The content of a key file. Throws `IdentityUnusable`. */
export function readKeyFile(path: string): Buffer {
  return readPrivateFile(path, MAX_KEY_BYTES, 0o077);
}

/** Throws `IdentityUnusable`. */
export function readPreSharedKey(path: string): Buffer {
  return sharedKeyOf(readKeyFile(path), path);
}

/**
 * A key that all nodes share, in the form for TLS: 32 bytes derived from the whole file (HKDF, RFC 5869). A blank or a line end after the key,
 * which an editor may have left, does not count. Throws `IdentityUnusable`.
 */
export function sharedKeyOf(bytes: Buffer, path: string): Buffer {
  const key = bytes.subarray(0, bytes.findLastIndex((byte) => !isBlank(byte)) + 1);
  if (key.length < MIN_KEY_BYTES) {
    throw new IdentityUnusable(`the key in ${path} has ${key.length} bytes, less than ${MIN_KEY_BYTES}`);
  }
  return Buffer.from(
    process.getBuiltinModule('node:crypto').hkdfSync('sha256', key, '', 'recovery-agent pre-shared key', 32),
  );
}

function isBlank(byte: number): boolean {
  return byte === 0x0a || byte === 0x0d || byte === 0x20 || byte === 0x09;
}

/** @param closed the permission bits that must not be set. Throws `IdentityUnusable`. */
export function readPrivateFile(path: string, maxBytes: number, closed: number): Buffer {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const advice =
      code === 'ENOENT'
        ? 'put it there; on a controller, see "recovery-agent key --help"'
        : "let the program's user read it";
    throw new IdentityUnusable(`${path} cannot be read (${code}); ${advice}`, { cause: error });
  }
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) throw new IdentityUnusable(`${path} is no regular file`);
    const fault = faultOfFile(path);
    if (fault !== undefined) throw new IdentityUnusable(fault);
    if ((status.mode & closed) !== 0) {
      const bits = (status.mode & 0o777).toString(8).padStart(4, '0');
      const wanted = closed === 0o077 ? '600' : 'o=';
      throw new IdentityUnusable(`${path} is open to others (mode ${bits}); chmod ${wanted} ${path}`);
    }
    if (status.size > maxBytes) throw new IdentityUnusable(`${path} is longer than ${maxBytes} bytes`);
    const buffer = Buffer.alloc(maxBytes);
    return buffer.subarray(0, readSync(descriptor, buffer, 0, maxBytes, 0));
  } finally {
    closeSync(descriptor);
  }
}
