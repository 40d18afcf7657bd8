/**
 * The files of the folder beside a masakari.conf: masakari.conf.d/*.conf, in the order of their names; of an option in several of
 * them the last one counts.
 *
 * Whether such a file takes precedence over masakari.conf depends on how Masakari was started: without `--config-file`, and with
 * `--config-dir`, it does; with `--config-file` alone, as Debian starts it, masakari.conf does. An option with an effect that has
 * different values on both sides is therefore refused, and so is a reference to any other such option.
 */

import { basename, join } from 'node:path';
import { combined } from '../joined-sections.ts';
import type { Document, DocumentOption, DocumentSection } from '../parsed-document.ts';
import { errorAt, formatPosition, type Problem } from '../problem.ts';

/** Names of the files in a folder; nothing when there is none. Throws when it cannot be read. `listConfigurationFolder` is the real one. */
export type ListFolder = (path: string) => readonly string[];

export function dropInsOf(path: string, listFolder: ListFolder, problems: Problem[]): readonly string[] {
  if (!/^masakari[\w-]*\.conf$/.test(basename(path))) return [];
  const folder = `${path}.d`;
  let names: readonly string[] = [];
  try {
    names = listFolder(folder).filter((name) => name.endsWith('.conf') && !name.startsWith('.'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    problems.push(errorAt({ file: folder, line: 1, column: 1 }, `the folder cannot be read: ${reason}`));
  }
  return names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).map((name) => join(folder, name));
}

/** @param isUsed whether an option has an effect here */
export function withDropIns(
  main: Document,
  dropIns: readonly Document[],
  isUsed: (section: string, option: string) => boolean,
  problems: Problem[],
): Document {
  const sections = new Map(main.sections.map((section) => [section.name, section]));
  const dropped = new Map<string, DocumentSection>();
  for (const section of dropIns.flatMap((document) => document.sections)) {
    const before = dropped.get(section.name);
    dropped.set(section.name, before === undefined ? section : combined(before, section));
  }
  for (const [name, section] of dropped) {
    const earlier = sections.get(name);
    if (earlier === undefined) sections.set(name, section);
    else {
      const options = new Map(earlier.options);
      for (const option of section.options.values()) {
        const other = options.get(option.name);
        const differs = other !== undefined && other.value.text !== option.value.text;
        if (differs && isUsed(name, option.name)) problems.push(difference(other, option));
        options.set(option.name, differs ? { ...option, otherwise: other.at } : option);
      }
      sections.set(name, { ...combined(earlier, section), options });
    }
  }
  return { ...main, sections: [...sections.values()] };
}

function difference(earlier: DocumentOption, { name, at }: DocumentOption): Problem {
  const message = `"${name}" is already set to another value at ${formatPosition(earlier.at)}, and which of the two counts depends on how Masakari is started; remove one of them`;
  return errorAt(at, message);
}
