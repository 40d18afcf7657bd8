/** Where packages put definitions of tasks, the counterpart of Masakari's entry points, and which files count there. */

import { lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { systemPath } from '#config/document/files.ts';
import { errorAt, type Problem } from '#config/document/problem.ts';
import { readCustomTask } from '#config/pipelines/custom-tasks.ts';
import type { Definitions } from '#config/pipelines/packaged-tasks.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { faultOfDirectory } from '#protocol/trusted-path.ts';

export const DEFINITIONS_DIRECTORY = '/usr/lib/recovery-agent/tasks.d';
/** More is no directory of definitions. */
const MAX_FILES = 1000;

/** @param given the directory, which may be missing; files whose name ends with .conf count, in the order of their names */
export function packagedDefinitions(given: string = DEFINITIONS_DIRECTORY): Definitions {
  const directory = systemPath(given);
  const problems: Problem[] = [];
  const refuse = (path: string, message: string): void => {
    problems.push(errorAt({ file: path, line: 1, column: 1 }, message));
  };
  return { files: filesOf(directory, refuse), problems, read: readCustomTask };
}

function filesOf(directory: string, refuse: (path: string, message: string) => void): readonly string[] {
  try {
    if (statSync(directory, { throwIfNoEntry: false }) === undefined) return [];
    // A user who can write to the directory can add files of others, or remove some.
    const distrust = faultOfDirectory(directory);
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
        // Another user may be able to write to the target of a link.
        if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return true;
        refuse(path, 'it is a link; a package puts the file itself here');
        return false;
      });
  } catch (error) {
    refuse(directory, `it cannot be read: ${errorMessage(error)}`);
    return [];
  }
}
