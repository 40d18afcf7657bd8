/** From the name of a file to its document; a password that every user could read is refused. */

import { effectlessHint, effectlessSectionHint, MASAKARI_SECTIONS } from '../options/masakari.ts';
import { OPTIONS } from '../options/options.ts';
import { FLOWS_SECTION } from '../pipelines/pipelines.ts';
import { type FindDialect, parseDocument } from './document.ts';
import type { FileContent } from './files.ts';
import { dialectOf } from './oslo/dialect.ts';
import type { Document } from './parsed-document.ts';
import { errorAt, type Problem } from './problem.ts';

/** Undefined: there is no such file. Throws when it cannot be read. `readConfigurationFile` is the real one. */
export type ReadFile = (path: string) => FileContent | undefined;

/** Undefined when there is no such file, or when it cannot be read, which is then a problem. */
export function readDocument(
  path: string,
  readFile: ReadFile,
  problems: Problem[],
  findDialect: FindDialect = dialectOf,
): Document | undefined {
  let content: FileContent | undefined;
  try {
    content = readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    problems.push(errorAt({ file: path, line: 1, column: 1 }, `the file cannot be read: ${reason}`));
  }
  if (content === undefined) return undefined;
  const document = parseDocument(path, content.bytes, hasEffect, findDialect);
  problems.push(...document.problems, ...readableByOthers(document, content.mode));
  return document;
}

/** A masakari.conf contains many options of no use here; their notation does not matter then. */
export function hasEffect(section: string, option: string): boolean {
  if (effectlessSectionHint(section) !== undefined || effectlessHint(section, option) !== undefined) return false;
  if (!MASAKARI_SECTIONS.has(section) || section === FLOWS_SECTION) return true;
  return OPTIONS.some((entry) => entry.section === section && entry.spec.name === option);
}

function readableByOthers(document: Document, mode: number): Problem[] {
  const defaults = document.sections.find((section) => section.name === 'DEFAULT');
  const password = defaults?.options.get('os_privileged_user_password');
  if (password === undefined || password.value.text === '' || (mode & 0o007) === 0) return [];
  const bits = (mode & 0o777).toString(8).padStart(4, '0');
  return [
    errorAt(password.at, `a password in a file that every user can read (mode ${bits}); chmod o= ${document.file}`),
  ];
}
