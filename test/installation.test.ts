/** What installs the npm packages: one command on a fresh clone, and no package runs a program of its own. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8');
const scripts: Readonly<Record<string, string>> = JSON.parse(read('package.json')).scripts;

/** Packages that have a script for their installation, and why it need not run. */
const WITH_SCRIPTS: Readonly<Record<string, string>> = {
  'node_modules/esbuild':
    'replaces its launcher by the binary beside it; packaging/executable/build.ts calls its interface',
};

describe('the installation', () => {
  it('runs no script of a package', () => {
    expect(read('.npmrc')).toMatch(/^ignore-scripts=true$/m);
  });

  it('needs none: each package that has one is named here', () => {
    const { packages } = JSON.parse(read('package-lock.json'));
    const found = Object.keys(packages).filter((path) => packages[path].hasInstallScript === true);
    expect(found).toEqual(Object.keys(WITH_SCRIPTS));
  });

  it('takes every package from the registry, with its hash', () => {
    const { packages } = JSON.parse(read('package-lock.json'));
    const unlocked = Object.keys(packages).filter((path) => path !== '' && !/^sha512-/.test(packages[path].integrity));
    expect(unlocked).toEqual([]);
  });

  it('is the first step of every command but those that only check, and not a pre-script, which npm would not run', () => {
    const without = Object.keys(scripts).filter(
      (name) => !scripts[name]?.startsWith('node packaging/development/install.mjs && '),
    );
    expect(without).toEqual(['lint', 'format']);
  });

  it('is followed by the pinned Node: the shell remembers where it found the one of the system', () => {
    const steps = Object.values(scripts).flatMap((script) => script.split(' && ').slice(1));
    expect(steps.filter((step) => /^(?:exec )?node /.test(step))).toEqual([]);
  });
});
