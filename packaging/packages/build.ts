/**
 * `npm run package`: makes dist/recovery-agent_VERSION_amd64.deb and dist/recovery-agent-VERSION-1.x86_64.rpm, and the executable
 * if there is none of this commit. The same commit gives the same bytes; SOURCE_DATE_EPOCH overrides its time. An argument is another
 * folder for the packages.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeDeb } from './deb.ts';
import { describePackage } from './description.ts';
import { isCurrent, releaseOf } from './release.ts';
import { makeRpm } from './rpm.ts';
import { ProgramMissing } from './run.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXECUTABLE = join(ROOT, 'dist/recovery-agent');
const folder = resolve(process.argv[2] ?? join(ROOT, 'dist'));

if (!isCurrent(EXECUTABLE, ROOT)) {
  execFileSync(process.execPath, [join(ROOT, 'packaging/executable/build.ts')], { stdio: 'inherit' });
}
const description = describePackage(releaseOf(ROOT), { root: ROOT, executable: EXECUTABLE });
mkdirSync(folder, { recursive: true });
const kinds = [
  { kind: '.deb', debianPackage: 'dpkg', make: makeDeb },
  { kind: '.rpm', debianPackage: 'rpm', make: makeRpm },
];
for (const { kind, debianPackage, make } of kinds) {
  try {
    const made = make(description, folder);
    const bytes = readFileSync(made);
    const hash = createHash('sha256').update(bytes).digest('hex');
    process.stdout.write(`${relative(process.cwd(), made)} ${bytes.length} bytes, sha256 ${hash}\n`);
  } catch (error) {
    if (!(error instanceof ProgramMissing)) throw error;
    process.stderr.write(`No ${kind} was made: ${error.message}. On Debian it is in the package ${debianPackage}.\n`);
    process.exitCode = 1;
  }
}
