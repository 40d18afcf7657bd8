/**
 * Files that decide what runs, as root more often than not: nothing counts from one that anybody but root and our own user
 * could have written.
 */
import type { Document } from './document.ts';
import type { FileContent } from './files.ts';
import { errorAt, type Problem } from './problem.ts';
import { type ReadFile, readDocument } from './read-document.ts';

/** @param owners user ids whose files are trusted. Undefined when there is no such file, or it is not trusted, a problem. */
export function readTrusted(
  path: string,
  owners: readonly number[],
  readFile: ReadFile,
  problems: Problem[],
): Document | undefined {
  // What is judged is what is read: the same open file, whatever its name means by then.
  let distrust: string | undefined;
  const document = readDocument(
    path,
    (file) => {
      const content = readFile(file);
      distrust = content && whyDistrusted(content, owners, file);
      return distrust === undefined ? content : undefined;
    },
    problems,
  );
  if (distrust !== undefined) problems.push(errorAt({ file: path, line: 1, column: 1 }, distrust));
  return document;
}

/** Why such a file or directory decides nothing; undefined when it may. */
export function whyDistrusted(
  { mode, owner }: Pick<FileContent, 'mode' | 'owner'>,
  owners: readonly number[],
  path: string,
): string | undefined {
  if (owner === undefined || !owners.includes(owner)) {
    return `it belongs to user ${owner ?? 'unknown'} and decides what runs; chown root ${path}`;
  }
  if ((mode & 0o022) === 0) return undefined;
  const bits = (mode & 0o777).toString(8).padStart(4, '0');
  return `others than its owner can write to it (mode ${bits}), and it decides what runs; chmod go-w ${path}`;
}
