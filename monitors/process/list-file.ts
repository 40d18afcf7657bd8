/** Reads the file of the list. Its commands run with the rights of the monitor, so the rule for trusted files applies. */
import { statSync } from 'node:fs';
import { MAX_FILE_BYTES, readTrustedFile, systemPath, whyUnusable } from '#config/document/files.ts';
import { ConfigurationError, errorAt } from '#config/document/problem.ts';

/** Throws `ConfigurationError`. */
export function readListFile(path: string): string {
  const refusal = (message: string, cause?: unknown): ConfigurationError =>
    Object.assign(new ConfigurationError([errorAt({ file: path, line: 1, column: 1 }, message)]), { cause });
  let content: ReturnType<typeof readTrustedFile>;
  try {
    content = readTrustedFile(path);
  } catch (error) {
    throw refusal(`the list of processes cannot be read (${whyUnusable(error)})`, error);
  }
  if (content === undefined) {
    throw refusal('the list of processes does not exist; write it or set [process] process_list_path');
  }
  if (content.bytes.length > MAX_FILE_BYTES) throw refusal(`this is larger than ${MAX_FILE_BYTES} bytes`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content.bytes);
  } catch (error) {
    throw refusal('the list of processes is not UTF-8', error);
  }
}

export const NO_FILE = 'none';

/** Changes whenever the file may have changed; `NO_FILE` while there is none. */
export function stampOf(path: string): string {
  try {
    const { dev, ino, size, mode, uid, gid, mtimeNs, ctimeNs } = statSync(systemPath(path), { bigint: true });
    return [dev, ino, size, mode, uid, gid, mtimeNs, ctimeNs].join(' ');
  } catch {
    return NO_FILE;
  }
}
