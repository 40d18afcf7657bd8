/**
 * The PEM files of a TLS connection to the cloud.
 *
 * Invariant: a private key that other users of the machine can read is refused. No message holds any of a file.
 */

import { MAX_FILE_BYTES, readTrustedFile, whyUnusable } from '../document/files.ts';
import type { Connections } from './credentials.ts';

export interface TlsFiles {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** Throws with the path of what cannot be used. */
export function readTlsFiles({ caFile, certFile, keyFile }: Connections): TlsFiles {
  return {
    ...(caFile === undefined ? {} : { ca: read(caFile, 'trusted authorities', 'public') }),
    ...(certFile === undefined
      ? {}
      : {
          // If no key file is configured, the certificate file contains the key.
          cert: read(certFile, "the client's certificate", keyFile === undefined ? 'private' : 'public'),
          key: read(keyFile ?? certFile, "the client's private key", 'private'),
        }),
  };
}

function read(path: string, holds: string, kind: 'public' | 'private'): Buffer {
  let content: ReturnType<typeof readTrustedFile>;
  try {
    content = readTrustedFile(path);
  } catch (cause) {
    const why = whyUnusable(cause);
    throw new Error(`${path} cannot be read (${why}); it should hold ${holds}`, { cause });
  }
  if (content === undefined) throw new Error(`${path} does not exist; it should hold ${holds}`);
  const { bytes, mode } = content;
  if (bytes.length > MAX_FILE_BYTES) throw new Error(`${path} is larger than ${MAX_FILE_BYTES} bytes`);
  if (kind === 'private' && (mode & 0o007) !== 0) {
    throw new Error(`${path} holds ${holds} and is open to every user of this machine; chmod 640 ${path}`);
  }
  return Buffer.from(bytes);
}
