/**
 * What the packages hold: one description from which both are made.
 *
 * Invariant: no package deletes a journal, which outlives the program.
 */

import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DEFINITIONS_DIRECTORY } from '#agents/task-definitions.ts';
import { renderExample } from '#config/options/example.ts';
import { ADDON_DIRECTORY } from '#engine/journal/addon.ts';
import { renderCompletion } from '../completion/bash.ts';
import { copyright, licenceTexts } from './licences.ts';
import { NAME } from './name.ts';
import type { Release } from './release.ts';
import { billOfMaterials } from './sbom.ts';
import { readScripts, type Scripts } from './scripts.ts';

export { NAME };

const DOCUMENTS = `/usr/share/doc/${NAME}`;
const SHARED = `/usr/share/${NAME}`;
/** Types only, so that it can be taken as it is. */
const TASK_TYPES = 'protocol/task-module.ts';

export type Content = string | Buffer | { readonly copyOf: string };

export type Entry =
  | { readonly is: 'file'; readonly path: string; readonly mode: number; readonly content: Content }
  /** A file that belongs to the operator: an upgrade keeps what was changed in it. */
  | { readonly is: 'config'; readonly path: string; readonly mode: number; readonly content: string }
  | { readonly is: 'licence'; readonly path: string; readonly mode: number; readonly content: Content }
  | { readonly is: 'directory'; readonly path: string; readonly mode: number }
  | { readonly is: 'link'; readonly path: string; readonly target: string };

export interface PackageDescription extends Release {
  readonly summary: string;
  /** Lines of at most 78 characters. */
  readonly description: readonly string[];
  readonly maintainer: string;
  readonly licence: string;
  readonly entries: readonly Entry[];
  /** Libraries that the program and the addon are linked with, by the names of each packaging system. */
  readonly needs: { readonly deb: readonly string[]; readonly rpm: readonly string[] };
  readonly recommends: string;
  readonly scripts: Scripts;
}

export interface Parts {
  /** The checkout. */
  readonly root: string;
  /** The program as `npm run build` makes it. */
  readonly executable: string;
}

/** Neither is enabled: the configuration of a host decides which monitors it needs. */
const UNITS = [`${NAME}-monitor.service`, `${NAME}-monitor@.service`];
/** What single monitors need beside the rights of the template. */
const DROP_INS = ['host', 'process'].map((monitor) => `${NAME}-monitor@${monitor}.service.d`);
const SYSTEM_UNITS = '/usr/lib/systemd/system';

/** An image without a machine ID is given all presets at its first boot, and without a rule systemd enables every unit. */
const PRESET = `# A file with a lower number, e.g. /etc/systemd/system-preset/10-site.preset, has precedence.
${UNITS.map((unit) => `disable ${unit}\n`).join('')}`;

/** Relative, so that it also holds in a root that is mounted elsewhere. */
const OCF_LINK = {
  is: 'link',
  path: `/usr/lib/ocf/resource.d/openstack/${NAME}`,
  target: `../../../../sbin/${NAME}`,
} as const;

/** The engine appends to its log and never opens it again, hence copytruncate. */
const LOGROTATE = `/var/log/${NAME}/*.log {
    weekly
    rotate 12
    maxsize 100M
    compress
    missingok
    notifempty
    copytruncate
}
`;

const TMPFILES = `# The engine's socket and process file.\nd /run/${NAME} 0755 root root -\n`;

/** The path of the addon, with its hash in the name as the program expects it. Throws if the program would not load it. */
function addonEntry({ root, executable }: Parts): Entry {
  const addon = join(root, 'node_modules/better-sqlite3/prebuilds/linux-x64.node');
  const hash = createHash('sha256').update(readFileSync(addon)).digest('hex');
  if (!readFileSync(executable).includes(hash)) {
    throw new Error(`${executable} was built with another better-sqlite3 than is installed; run "npm run build"`);
  }
  const path = `${ADDON_DIRECTORY}/better_sqlite3-${hash.slice(0, 16)}.node`;
  return { is: 'file', path, mode: 0o644, content: { copyOf: addon } };
}

/** The examples to which the documents refer, unchanged; their types are those of the package. */
export function examples(root: string): Entry[] {
  const directory = join(root, 'docs/examples');
  const entries: Entry[] = [{ is: 'directory', path: `${DOCUMENTS}/examples`, mode: 0o755 }];
  for (const folder of readdirSync(directory).sort()) {
    const path = `${DOCUMENTS}/examples/${folder}`;
    entries.push({ is: 'directory', path, mode: 0o755 });
    for (const name of readdirSync(join(directory, folder)).sort()) {
      const file = join(directory, folder, name);
      const stats = lstatSync(file);
      entries.push(
        stats.isSymbolicLink()
          ? { is: 'link', path: `${path}/${name}`, target: `../../../../${NAME}/task.d.ts` }
          : {
              is: 'file',
              path: `${path}/${name}`,
              mode: stats.mode & 0o100 ? 0o755 : 0o644,
              content: { copyOf: file },
            },
      );
    }
  }
  return entries;
}

/** The pages in the folders of the checkout, so that their links lead to one another here too. */
export function pages(root: string): Entry[] {
  const directory = join(root, 'docs');
  const page = (name: string): Entry => ({
    is: 'file',
    path: `${DOCUMENTS}/${name}`,
    mode: 0o644,
    content: { copyOf: join(directory, name) },
  });
  const folders = FOLDERS_OF_PAGES.flatMap((folder): Entry[] => [
    { is: 'directory', path: `${DOCUMENTS}/${folder}`, mode: 0o755 },
    ...readdirSync(join(directory, folder))
      .sort()
      .map((name) => page(`${folder}/${name}`)),
  ]);
  return [page('README.md'), ...folders];
}

/** All but `internals/`, which is of use only beside the source. */
const FOLDERS_OF_PAGES: readonly string[] = ['concepts', 'decisions', 'extend', 'operate', 'reference', 'start'];

export function describePackage(release: Release, parts: Parts): PackageDescription {
  const manual = readFileSync(join(parts.root, 'packaging/man/recovery-agent.8'));
  return {
    ...release,
    summary: 'Instance high availability for OpenStack',
    description: [
      'Recovers failed compute hosts, instances and processes of an OpenStack cloud',
      'as Masakari does. One program is the engine, its command line and the',
      'Pacemaker resource agent ocf:openstack:recovery-agent. The engine keeps a',
      'journal on shared storage; when its node fails, the engine of another node',
      'resumes at the first unfinished step.',
    ],
    maintainer: 'recovery-agent maintainers <maintainers@recovery-agent.invalid>',
    licence: 'Apache-2.0',
    entries: [
      { is: 'file', path: `/usr/sbin/${NAME}`, mode: 0o755, content: { copyOf: parts.executable } },
      { is: 'directory', path: '/usr/lib/ocf/resource.d/openstack', mode: 0o755 },
      OCF_LINK,
      { is: 'directory', path: ADDON_DIRECTORY, mode: 0o755 },
      addonEntry(parts),
      // Other packages put definitions of tasks there.
      { is: 'directory', path: DEFINITIONS_DIRECTORY, mode: 0o755 },
      { is: 'directory', path: `/etc/${NAME}`, mode: 0o755 },
      // It may come to hold a password.
      { is: 'config', path: `/etc/${NAME}/${NAME}.conf`, mode: 0o640, content: renderExample() },
      { is: 'config', path: `/etc/logrotate.d/${NAME}`, mode: 0o644, content: LOGROTATE },
      { is: 'file', path: `/usr/lib/tmpfiles.d/${NAME}.conf`, mode: 0o644, content: TMPFILES },
      ...UNITS.map((unit): Entry => {
        const content = readFileSync(join(parts.root, 'packaging/systemd', unit));
        return { is: 'file', path: `${SYSTEM_UNITS}/${unit}`, mode: 0o644, content };
      }),
      ...DROP_INS.flatMap((folder): Entry[] => {
        const content = readFileSync(join(parts.root, 'packaging/systemd', folder, '10-rights.conf'));
        const path = `${SYSTEM_UNITS}/${folder}`;
        return [
          { is: 'directory', path, mode: 0o755 },
          { is: 'file', path: `${path}/10-rights.conf`, mode: 0o644, content },
        ];
      }),
      { is: 'file', path: `/usr/lib/systemd/system-preset/90-${NAME}.preset`, mode: 0o644, content: PRESET },
      { is: 'directory', path: `/var/lib/${NAME}`, mode: 0o750 },
      { is: 'directory', path: `/var/log/${NAME}`, mode: 0o750 },
      { is: 'file', path: `/usr/share/man/man8/${NAME}.8.gz`, mode: 0o644, content: gzip(manual) },
      {
        is: 'file',
        path: `/usr/share/bash-completion/completions/${NAME}`,
        mode: 0o644,
        content: renderCompletion(),
      },
      { is: 'directory', path: SHARED, mode: 0o755 },
      // What tasks written in TypeScript are checked with.
      { is: 'file', path: `${SHARED}/task.d.ts`, mode: 0o644, content: { copyOf: join(parts.root, TASK_TYPES) } },
      { is: 'directory', path: DOCUMENTS, mode: 0o755 },
      { is: 'licence', path: `${DOCUMENTS}/copyright`, mode: 0o644, content: copyright(parts.root) },
      { is: 'licence', path: `${DOCUMENTS}/licences.gz`, mode: 0o644, content: gzip(licenceTexts(parts.root)) },
      {
        is: 'file',
        path: `${DOCUMENTS}/${NAME}.cdx.json`,
        mode: 0o644,
        content: billOfMaterials(parts.root, release),
      },
      ...pages(parts.root),
      ...examples(parts.root),
    ],
    needs: {
      // The addon was made with glibc 2.34 and GCC 11, Node with older ones.
      deb: ['libc6 (>= 2.34)', 'libstdc++6 (>= 11)', 'libgcc-s1'],
      // By soname: the distributions name their packages differently.
      rpm: [
        'libc.so.6(GLIBC_2.34)(64bit)',
        'libstdc++.so.6(GLIBCXX_3.4.29)(64bit)',
        'libgcc_s.so.1(GCC_3.4)(64bit)',
        'libm.so.6()(64bit)',
        'libdl.so.2()(64bit)',
        'libpthread.so.0()(64bit)',
      ],
    },
    recommends: 'pacemaker',
    scripts: readScripts(),
  };
}

/** As `gzip -9n` does it: without name and time. */
export function gzip(text: string | Buffer): Buffer {
  return gzipSync(text, { level: 9 });
}
