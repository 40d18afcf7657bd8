/** Where packages put definitions of tasks, the counterpart of Masakari's entry points, and which files count there. */
import { lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readCustomTask } from '#config/custom-tasks.ts';
import { systemPath } from '#config/files.ts';
import type { Definitions } from '#config/packaged-tasks.ts';
import { errorAt, type Problem } from '#config/problem.ts';
import { whyDistrusted } from '#config/trusted-document.ts';

export const DEFINITIONS_DIRECTORY = '/usr/lib/recovery-agent/tasks.d';
/** More is no directory of definitions. */
const MAX_FILES = 1000;
const ROOT = 0;

/** @param given the directory, which may be missing; files whose name ends with .conf count, in the order of their names */
export function packagedDefinitions(given: string = DEFINITIONS_DIRECTORY): Definitions {
  const directory = systemPath(given);
  const owners = [ROOT, process.geteuid?.() ?? ROOT];
  const problems: Problem[] = [];
  const refuse = (path: string, message: string): void => {
    problems.push(errorAt({ file: path, line: 1, column: 1 }, message));
  };
  return { files: filesOf(directory, owners, refuse), owners, problems, read: readCustomTask };
}

function filesOf(
  directory: string,
  owners: readonly number[],
  refuse: (path: string, message: string) => void,
): readonly string[] {
  try {
    const status = statSync(directory, { throwIfNoEntry: false });
    if (status === undefined) return [];
    // Whoever can write to the directory can put files of others there, or take some away.
    const distrust = whyDistrusted({ mode: status.mode, owner: status.uid }, owners, directory);
    if (distrust !== undefined) {
      refuse(directory, distrust);
      return [];
    }
    const names = readdirSync(directory).filter((name) => name.endsWith('.conf') && !name.startsWith('.'));
    if (names.length > MAX_FILES) {
      refuse(directory, `it holds ${names.length} files of definitions; more than ${MAX_FILES} are a mistake`);
      return [];
    }
    return names
      .sort()
      .map((name) => join(directory, name))
      .filter((path) => {
        // Where a link leads to, somebody else may write.
        if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return true;
        refuse(path, 'it is a link; a package puts the file itself here');
        return false;
      });
  } catch (error) {
    refuse(directory, `it cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
}
