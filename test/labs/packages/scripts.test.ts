import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDeb } from '#packaging/packages/deb.ts';
import { makeRpm } from '#packaging/packages/rpm.ts';
import { installPackages } from './install.ts';
import { Made } from './made.ts';
import { must, run } from './run.ts';

/** The scripts as they are in the built packages. */

const SCRIPTS = ['postinst', 'prerm', 'postrm', 'POSTIN', 'PREUN', 'POSTUN'] as const;

/** SC3013: dash, bash and busybox have -ef. SC2046, SC2086: lists of process IDs and of units are words. */
const EXCLUDED = 'SC3013,SC2046,SC2086';

let made: Made;
let folder: string;

beforeAll(async () => {
  await installPackages();
  made = Made.create();
  folder = made.folder('scripts');
  await must(['dpkg-deb', '--control', makeDeb(made.description, made.folder('deb')), folder]);
  const rpm = makeRpm(made.description, made.folder('rpm'));
  for (const tag of ['POSTIN', 'PREUN', 'POSTUN']) {
    writeFileSync(join(folder, tag), await must(['rpm', '--query', '--package', '--queryformat', `%{${tag}}`, rpm]));
  }
});

afterAll(() => made?.[Symbol.dispose]());

describe.each(SCRIPTS)('the script %s', (name) => {
  it('hides no error', () => {
    const text = readFileSync(join(folder, name), 'utf8').replaceAll(/^ *#[^!].*\n/gm, '');
    expect(text).toMatch(/^(#!\/bin\/sh\n)?set -e\n/);
    expect(text).not.toMatch(/\|\|\s*(:|true|\/bin\/true|exit 0)\s*($|[;&|])/m);
    expect(text).not.toMatch(/\/dev\/null|set \+e|>&-/);
  });

  it('is shell that shellcheck and dash accept', async () => {
    const file = join(folder, name);
    expect(await run(['shellcheck', '--shell=sh', `--exclude=${EXCLUDED}`, file])).toMatchObject({
      code: 0,
      stdout: '',
    });
    expect(await run(['dash', '-n', file])).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});
