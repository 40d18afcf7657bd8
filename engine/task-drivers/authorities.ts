/** The authorities of trusted server certificates. Invariant: the read returns with any file at the path, e.g. a pipe. */
import { getCACertificates } from 'node:tls';
import { MAX_FILE_BYTES, readTrustedFile } from '#config/document/files.ts';

/**
 * The certificates of Node and of the system, or only those of the file.
 * @param file in PEM; empty: none. Throws if it cannot be used.
 */
export function authorities(file: string): string[] {
  if (file === '') return [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
  const content = readTrustedFile(file);
  if (content === undefined) throw new Error(`${file} does not exist`);
  if (content.bytes.length > MAX_FILE_BYTES) throw new Error(`${file} has more than ${MAX_FILE_BYTES} bytes`);
  return [new TextDecoder().decode(content.bytes)];
}
