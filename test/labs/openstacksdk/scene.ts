/** A scene: files and variables as an operator has them, read by openstacksdk and by us. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Scene {
  readonly name: string;
  /**
   * By path: `here/…` is the working directory, `home/…` the home directory, `etc/…` means /etc, and others are named by
   * variables. `@ROOT@` in contents and variables is the folder that holds them.
   */
  readonly files: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly cloud?: string;
  readonly region?: string;
  /**
   * What is expected where the two differ: we refuse what openstacksdk reads, with this in the message; or we alone read it, for
   * this reason. Absent: both read the same, or both refuse it.
   */
  readonly refused?: RegExp;
  readonly alone?: string;
}

export interface Placed {
  readonly root: string;
  readonly directory: string;
  readonly home: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly cloud?: string;
  readonly region?: string;
}

/** Writes the files of a scene below a folder of its own. */
export function place(scene: Scene, root: string): Placed {
  const filled = (text: string): string => text.replaceAll('@ROOT@', root);
  const [directory, home] = [join(root, 'here'), join(root, 'home')];
  for (const folder of [directory, home]) mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(scene.files)) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, filled(text));
    chmodSync(path, 0o600);
  }
  const environment = Object.fromEntries(
    Object.entries(scene.environment ?? {}).map(([name, value]) => [name, filled(value)]),
  );
  const { cloud, region } = scene;
  return { root, directory, home, environment, ...(cloud ? { cloud } : {}), ...(region ? { region } : {}) };
}
