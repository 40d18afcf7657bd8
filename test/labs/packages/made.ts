import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describePackage, type PackageDescription } from '#packaging/packages/description.ts';
import { releaseOf } from '#packaging/packages/release.ts';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
export const EXECUTABLE = join(ROOT, 'dist/recovery-agent');
/** The release after the one that is packaged, for upgrades. */
const NEXT_VERSION = '99.0.0';

/** Packages in a folder of their own, gone with it. */
export class Made {
  readonly directory = mkdtempSync(join(tmpdir(), 'recovery-agent-packages-'));
  readonly description: PackageDescription;

  private constructor() {
    this.description = describePackage(releaseOf(ROOT), { root: ROOT, executable: EXECUTABLE });
  }

  /** Of the executable in dist, which is built when there is none. */
  static create(): Made {
    if (!existsSync(EXECUTABLE)) execFileSync(process.execPath, [join(ROOT, 'packaging/executable/build.ts')]);
    return new Made();
  }

  /** The same package in a later version, with a default changed in its configuration. */
  get next(): PackageDescription {
    const entries = this.description.entries.map((entry) =>
      entry.is === 'config' ? { ...entry, content: `${entry.content}# Of the next version.\n` } : entry,
    );
    return { ...this.description, version: NEXT_VERSION, changes: ['Next.'], entries };
  }

  /** An empty folder for one build. */
  folder(name: string): string {
    const folder = join(this.directory, name);
    mkdirSync(folder);
    return folder;
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
