/** From the name of a file to its document; a password that everybody could read is refused. */

import { type Document, parseDocument } from './document.ts';
import type { FileContent } from './files.ts';
import { effectlessHint, effectlessSectionHint } from './masakari-options.ts';
import { errorAt, type Problem } from './problem.ts';

/** Undefined: there is no such file. Throws when it cannot be read. `readConfigurationFile` is the real one. */
export type ReadFile = (path: string) => FileContent | undefined;

/** Undefined when there is no such file, or when it cannot be read, which is then a problem. */
export function readDocument(path: string, readFile: ReadFile, problems: Problem[]): Document | undefined {
  let content: FileContent | undefined;
  try {
    content = readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    problems.push(errorAt({ file: path, line: 1, column: 1 }, `the file cannot be read: ${reason}`));
  }
  if (content === undefined) return undefined;
  const document = parseDocument(path, content.bytes, hasEffect);
  problems.push(...document.problems, ...openToEverybody(document, content.mode));
  return document;
}

/** Of a masakari.conf much is of no use here, and how it is written does not matter then. */
function hasEffect(section: string, option: string): boolean {
  return effectlessSectionHint(section) === undefined && effectlessHint(section, option) === undefined;
}

function openToEverybody(document: Document, mode: number): Problem[] {
  const defaults = document.sections.find((section) => section.name === 'DEFAULT');
  const password = defaults?.options.get('os_privileged_user_password');
  if (password === undefined || password.value.text === '' || (mode & 0o007) === 0) return [];
  const bits = (mode & 0o777).toString(8).padStart(4, '0');
  return [errorAt(password.at, `a password in a file open to everybody (mode ${bits}); chmod o= ${document.file}`)];
}
