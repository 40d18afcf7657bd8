import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Validation } from '@cyclonedx/cyclonedx-library';
import { describe, expect, it } from 'vitest';
import { billOfMaterials, SBOM_VERSION } from './sbom.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RELEASE = { version: '1.2.3', date: 1_700_000_000, changes: [] };

interface Part {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes?: readonly unknown[];
  readonly components?: readonly Part[];
}
interface Bom {
  readonly serialNumber?: string;
  readonly metadata: { readonly timestamp: string; readonly component: Part };
  readonly components: readonly Part[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

const text = billOfMaterials(ROOT, RELEASE);
const bom: Bom = JSON.parse(text);

describe('the bill of materials', () => {
  it('is valid by the schema of CycloneDX, and the schema refuses a wrong one', async () => {
    const validator = new Validation.JsonStrictValidator(SBOM_VERSION);
    expect(await validator.validate(text)).toBeNull();
    expect(await validator.validate(JSON.stringify({ ...bom, components: [{ name: 'x' }] }))).not.toBeNull();
  });

  it('is the same in each build of a release: its time is that of the release, and it has no serial number', () => {
    expect(billOfMaterials(ROOT, RELEASE)).toBe(text);
    expect(bom.metadata.timestamp).toBe('2023-11-14T22:13:20.000Z');
    expect(bom.serialNumber).toBeUndefined();
  });

  it('has every npm package that is needed at run time, with version and hash, and none of development', () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const names = bom.components.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(Object.keys(dependencies)));
    expect(names.filter((name) => name in devDependencies)).toEqual([]);
    for (const { purl, hashes } of bom.components)
      expect([purl, hashes?.length]).toEqual([expect.stringMatching(/@\d/), 1]);
    const direct = bom.dependencies.find(({ ref }) => ref === 'recovery-agent')?.dependsOn ?? [];
    expect(direct).toHaveLength(Object.keys(dependencies).length + 1);
  });

  it('has Node.js and the libraries in it, and SQLite', () => {
    const partsOf = (name: string) => bom.components.find((part) => part.name === name)?.components ?? [];
    expect(partsOf('node')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: 'openssl', version: process.versions.openssl }),
        expect.objectContaining({ name: 'v8', version: process.versions.v8 }),
      ]),
    );
    expect(partsOf('better-sqlite3')).toEqual([expect.objectContaining({ name: 'sqlite' })]);
  });
});
