/** Which release is packaged: version, date and changes, from the checkout. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VERSION } from '#agents/version.ts';
import { changesOf } from './changes.ts';

function git(root: string, ...args: readonly string[]): string {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}

/** SOURCE_DATE_EPOCH (reproducible-builds.org), else the time of the commit. */
function releaseDate(root: string): number {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given !== undefined && !/^\d{1,10}$/.test(given)) {
    throw new Error(`SOURCE_DATE_EPOCH must be seconds since 1970, not "${given}"`);
  }
  if (given !== undefined) return Number(given);
  try {
    return Number(git(root, 'log', '-1', '--format=%ct'));
  } catch (error) {
    throw new Error('this is no git checkout: set SOURCE_DATE_EPOCH to the time of the release', { cause: error });
  }
}

export function releaseOf(root: string): Release {
  const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
  return { version: VERSION, date: releaseDate(root), changes: changesOf(VERSION, changelog) };
}

/** Whether the executable reports this version, made of the commit that is checked out. */
export function isCurrent(executable: string, root: string): boolean {
  try {
    const commit = process.env.RECOVERY_AGENT_COMMIT ?? git(root, 'rev-parse', '--short=12', 'HEAD');
    const version = execFileSync(executable, ['--version'], { encoding: 'utf8', timeout: 10_000 });
    return version.startsWith(`recovery-agent ${VERSION} (commit ${commit},`);
  } catch {
    return false;
  }
}

export interface Release {
  readonly version: string;
  /** Seconds since 1970: the time of everything in the package. */
  readonly date: number;
  /** What is new, one point each. */
  readonly changes: readonly string[];
}
