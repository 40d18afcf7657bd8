import { describe, expect, it } from 'vitest';
import type { Entry, Inspect } from '#protocol/trusted-path.ts';
import { faultOfCommand } from './command-files.ts';

const directory: Entry = { kind: 'directory', uid: 0, mode: 0o755, target: '' };
const file = (mode = 0o755, uid = 0): Entry => ({ kind: 'file', uid, mode, target: '' });
const ENTRIES: Readonly<Record<string, Entry>> = {
  '/': directory,
  '/bin': directory,
  '/opt': directory,
  '/tmp': { ...directory, mode: 0o1777 },
  ...Object.fromEntries(['sh', 'python3', 'env', 'timeout', 'cat', 'node'].map((name) => [`/bin/${name}`, file()])),
  '/opt/good.sh': file(0o644),
  '/opt/open.sh': file(0o666),
  '/tmp/theirs.py': file(0o755, 1000),
  '/tmp/data': file(0o666, 1000),
};
const read: Inspect = (path) => ENTRIES[path];
const fault = (...argv: string[]) => faultOfCommand(argv, { uid: 0, scope: 'way' }, read);

describe('a command may be run', () => {
  it.each([
    ['with a script that only root can change', ['/bin/sh', '/opt/good.sh', '/tmp/data']],
    ['with a script whose name is not known yet', ['/bin/sh', '/opt/{{ host_name }}.sh']],
    ['with code in place of a script', ['/bin/sh', '-c', 'echo /tmp/theirs.py']],
    ['with any arguments of a program that runs none of them', ['/bin/cat', '/tmp/data', '/opt/open.sh']],
    ['through another program', ['/bin/env', 'LANG=C', '/bin/timeout', '30', '/bin/sh', '/opt/good.sh', '/tmp/data']],
    ['with a script that does not exist', ['/bin/sh', '/opt/none.sh']],
  ])('%s', (_, argv) => {
    expect(fault(...argv)).toBeUndefined();
  });
});

describe('a command may not be run', () => {
  it.each([
    ['/bin/sh', '/opt/open.sh'],
    ['/bin/sh', '-e', '/opt/open.sh'],
    ['/bin/sh', 'opt/open.sh'],
    ['/bin/python3', '-u', '/tmp/theirs.py', 'x'],
    ['/bin/env', 'python3', '/tmp/theirs.py'],
    ['/bin/timeout', '30', '/bin/sh', '/opt/open.sh'],
    ['/bin/node', '--import=/opt/open.sh', '/opt/good.sh'],
    ['/bin/node', '--require', '/opt/open.sh', '/opt/good.sh'],
  ])('%s %s %s %s', (...argv) => {
    const name = argv[0]?.slice('/bin/'.length);
    expect(fault(...argv)).toMatch(
      new RegExp(`^cannot be run: it gives ${name} a file that is not trusted: (others than|/tmp/theirs.py belongs)`),
    );
  });

  it('whose program is not trusted itself', () => {
    expect(fault('/opt/open.sh')).toMatch(/^cannot be run: others than the owner can write to \/opt\/open\.sh/);
  });
});
