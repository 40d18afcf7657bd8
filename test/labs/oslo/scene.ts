/** A scene: files as an operator has them, read by Masakari and by us. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export type Program = 'engine' | 'monitors';

export interface Scene {
  readonly name: string;
  readonly program: Program;
  /** By path below the home of the program's user, where oslo.config searches too. The first is the main file. */
  readonly files: Readonly<Record<string, string>>;
  /** The arguments of Masakari, one list for each way it is started; `@HOME@` is that home. Absent: it searches for its files. */
  readonly starts?: readonly (readonly string[])[];
  /** The file with the task lists, where it is not the main file. */
  readonly methods?: string;
  /**
   * What is expected where the two differ: we refuse what Masakari reads, with this in the message; or we alone read it, for this
   * reason. Absent: both read the same, or both refuse it.
   */
  readonly refused?: RegExp;
  readonly alone?: string;
  /** Or we have another value on purpose, for this reason. */
  readonly differs?: string;
}

export interface Placed {
  readonly home: string;
  readonly starts: readonly (readonly string[])[];
  readonly mainFile: string;
  readonly recoveryMethodsFile: string | undefined;
}

export const MAIN: Readonly<Record<Program, string>> = {
  engine: '.masakari/masakari.conf',
  monitors: '.masakarimonitors/masakarimonitors.conf',
};

/** A scene of one file at the place where the engine searches for it. */
export function engine(name: string, text: string, rest: Partial<Scene> = {}): Scene {
  return { name, program: 'engine', files: { [MAIN.engine]: text }, ...rest };
}

/** The same for the monitors. */
export function monitors(name: string, text: string, rest: Partial<Scene> = {}): Scene {
  return { name, program: 'monitors', files: { [MAIN.monitors]: text }, ...rest };
}

/** Writes the files of a scene below a folder of its own. */
export function place(scene: Scene, home: string): Placed {
  for (const [name, text] of Object.entries(scene.files)) {
    const path = join(home, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode: 0o600 });
  }
  const starts = scene.starts ?? [[]];
  const { methods } = scene;
  return {
    home,
    starts: starts.map((words) => words.map((word) => word.replaceAll('@HOME@', home))),
    mainFile: join(home, Object.keys(scene.files)[0] ?? ''),
    recoveryMethodsFile: methods === undefined ? undefined : join(home, methods),
  };
}
