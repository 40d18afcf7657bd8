/**
 * Files that decide what runs, usually as root: a file that a user other than root and our own could have written is not
 * used.
 */
import type { Document } from './parsed-document.ts';
import { errorAt, type Problem } from './problem.ts';
import { type ReadFile, readDocument } from './read-document.ts';

/** Undefined when there is no such file, or it is not trusted, a problem. */
export function readTrusted(path: string, readFile: ReadFile, problems: Problem[]): Document | undefined {
  // The same open file is checked and read, so a rename in between has no effect.
  let distrust: string | undefined;
  const document = readDocument(
    path,
    (file) => {
      const content = readFile(file);
      distrust = content?.distrust;
      return distrust === undefined ? content : undefined;
    },
    problems,
  );
  if (distrust !== undefined) problems.push(errorAt({ file: path, line: 1, column: 1 }, distrust));
  return document;
}
