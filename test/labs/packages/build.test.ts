import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { debFileName } from '#packaging/packages/deb.ts';
import { makeRpm, rpmFileName } from '#packaging/packages/rpm.ts';
import { installPackages } from './install.ts';
import { EXECUTABLE, Made, ROOT, sha256 } from './made.ts';
import { type Ended, must, run } from './run.ts';

/** What dpkg-deb and git need; without rpmbuild. */
const WITHOUT_RPMBUILD = ['dpkg-deb', 'tar', 'git', 'sh'];

let made: Made;
let deb: string;
let rpm: string;

beforeAll(async () => {
  await installPackages();
  made = Made.create();
  deb = debFileName(made.description);
  rpm = rpmFileName(made.description);
});

afterAll(() => made?.[Symbol.dispose]());

/** `npm run package` into a folder, with another umask and home than ours. */
async function build(folder: string, environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
  // The executable in dist is packaged here, for any commit.
  const version = await must([EXECUTABLE, '--version']);
  const commit = version.match(/commit (\w+)/)?.[1] ?? '';
  const script = join(ROOT, 'packaging/packages/build.ts');
  return run(['sh', '-c', 'umask 077; exec "$@"', 'sh', process.execPath, script, folder], {
    RECOVERY_AGENT_COMMIT: commit,
    HOME: made.directory,
    ...environment,
  });
}

describe('npm run package', () => {
  it('makes both packages, each the same byte for byte at any time, in any folder and for any user', async () => {
    const folder = made.folder('both');
    const { code, stdout, stderr } = await build(folder);
    expect([code, stderr]).toEqual([0, '']);
    expect(readdirSync(folder).toSorted()).toEqual([rpm, deb]);
    for (const name of [deb, rpm]) {
      expect(stdout).toMatch(new RegExp(`${name} \\d+ bytes, sha256 ${sha256(join(folder, name))}\n`));
    }
    expect(sha256(makeRpm(made.description, made.folder('rpm')))).toBe(sha256(join(folder, rpm)));
  });

  it('makes the Debian package where there is no rpmbuild, reports that, and fails', async () => {
    const bin = join(made.directory, 'bin');
    mkdirSync(bin);
    for (const name of WITHOUT_RPMBUILD) symlinkSync(join('/usr/bin', name), join(bin, name));
    const folder = made.folder('deb');
    const { code, stderr } = await build(folder, { PATH: bin, TZ: 'Asia/Tokyo' });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^No \.rpm was made: rpmbuild is not installed here/)]);
    expect(readdirSync(folder)).toEqual([deb]);
    expect(sha256(join(folder, deb))).toBe(sha256(join(made.directory, 'both', deb)));
  });

  it('takes its time from SOURCE_DATE_EPOCH', async () => {
    for (const SOURCE_DATE_EPOCH of ['yesterday', '-1', '']) {
      const { code, stderr } = await build(made.directory, { SOURCE_DATE_EPOCH });
      expect([code, stderr]).toEqual([1, expect.stringContaining('SOURCE_DATE_EPOCH must be seconds since 1970')]);
    }
  });
});
