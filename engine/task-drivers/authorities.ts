/** Whose certificates of servers are believed. Invariant: whatever stands at the path, it keeps nobody. */
import { getCACertificates } from 'node:tls';
import { MAX_FILE_BYTES, readConfigurationFile } from '#config/files.ts';

/**
 * What Node brings along and what the system trusts, or what the file says and nothing else.
 * @param file in PEM; empty: none. Throws when it cannot be used.
 */
export function authorities(file: string): string[] {
  if (file === '') return [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
  const content = readConfigurationFile(file);
  if (content === undefined) throw new Error(`${file} does not exist`);
  if (content.bytes.length > MAX_FILE_BYTES) throw new Error(`${file} has more than ${MAX_FILE_BYTES} bytes`);
  return [new TextDecoder().decode(content.bytes)];
}
