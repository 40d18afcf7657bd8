/**
 * Reads a monitor's state file: its earlier reports, restarts and polls.
 *
 * Invariant: content that another user could have written is never used. A forged state file could hide a failure that is
 * due, or claim one that did not happen.
 */
import { readTrustedFile } from '#config/document/files.ts';

/**
 * Undefined when there is no such file.
 *
 * @throws Distrusted with the file, its owner, its mode and the command that corrects it; Error for a file that is too large; the
 *   system's error
 */
export function readStateFile(path: string, maxBytes: number): string | undefined {
  const content = readTrustedFile(path, maxBytes);
  if (content === undefined) return undefined;
  if (content.bytes.length > maxBytes) throw new Error(`${path} is larger than ${maxBytes} bytes`);
  return new TextDecoder().decode(content.bytes);
}
