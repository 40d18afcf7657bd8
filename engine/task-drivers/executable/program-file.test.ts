import { describe, expect, it } from 'vitest';
import type { Entry, Inspect } from '#protocol/trusted-path.ts';
import { faultOfProgram } from './program-file.ts';

const directory = (mode = 0o755, uid = 0): Entry => ({ kind: 'directory', uid, mode, target: '' });
const file = (mode = 0o755, uid = 0): Entry => ({ kind: 'file', uid, mode, target: '' });
const link = (target: string, uid = 0): Entry => ({ kind: 'link', uid, mode: 0o777, target });

function host(entries: Readonly<Record<string, Entry>>): Inspect {
  const all: Readonly<Record<string, Entry>> = {
    '/': directory(),
    '/opt': directory(),
    '/tmp': directory(0o1777),
    ...entries,
  };
  return (path) => all[path];
}

function fault(path: string, entries: Readonly<Record<string, Entry>>, uid = 0): string | undefined {
  return faultOfProgram(path, { uid, scope: 'way' }, host(entries));
}

describe('a program may be run', () => {
  it.each([
    ['when only root can change it', '/opt/a', { '/opt/a': file() }, 0],
    [
      'when it belongs to the user it runs as',
      '/home/a',
      { '/home': directory(0o700, 7), '/home/a': file(0o700, 7) },
      7,
    ],
    [
      'through links that only root can change',
      '/opt/a',
      { '/opt/a': link('../opt/./b'), '/opt/b': link('/opt/c'), '/opt/c': file() },
      0,
    ],
    [
      'in a directory of root within one with the sticky bit',
      '/tmp/x/a',
      { '/tmp/x': directory(0o700), '/tmp/x/a': file() },
      0,
    ],
    ['when it is itself such an entry', '/tmp/a', { '/tmp/a': file() }, 0],
    ['by any spelling of its path', '//opt/./../opt/a', { '/opt/a': file() }, 0],
    ['setuid bits and all', '/opt/a', { '/opt/a': file(0o4711) }, 0],
  ])('%s', (_, path, entries, uid) => {
    expect(fault(path, entries, uid)).toBeUndefined();
  });

  it('by an engine that is not root, in any directory', () => {
    const entries = { '/opt': directory(0o777, 5), '/opt/a': file(0o755, 7) };
    expect(faultOfProgram('/opt/a', { uid: 7, scope: 'file' }, host(entries))).toBeUndefined();
  });
});

describe('a program may not be run', () => {
  it.each([
    [
      'when others can change it',
      '/opt/a',
      { '/opt/a': file(0o757) },
      0,
      /others .* write to \/opt\/a \(user 0, mode 0757\).*; chmod go-w \/opt\/a$/,
    ],
    [
      'when it belongs to another user',
      '/opt/a',
      { '/opt/a': file(0o755, 5) },
      7,
      /belongs to user 5 .* chown root \/opt\/a$/,
    ],
    [
      'in a directory open to a group',
      '/opt/a',
      { '/opt': directory(0o775), '/opt/a': file() },
      0,
      /others .* write to \/opt \(user 0, mode 0775\).*; chmod go-w \/opt$/,
    ],
    [
      'in a directory of another user',
      '/opt/a',
      { '/opt': directory(0o755, 5), '/opt/a': file() },
      0,
      /\/opt belongs to user 5 .*; chown root \/opt$/,
    ],
    [
      'in the sticky directory of another user',
      '/opt/a',
      { '/opt': directory(0o1777, 5), '/opt/a': file() },
      0,
      /belongs to user 5/,
    ],
    [
      'when its entry in a sticky directory belongs to another user',
      '/tmp/a',
      { '/tmp/a': link('/opt/b', 5), '/opt/b': file() },
      0,
      /\/tmp\/a belongs to user 5/,
    ],
    [
      'when a directory further up is open',
      '/opt/x/a',
      { '/opt': directory(0o777), '/opt/x': directory(), '/opt/x/a': file() },
      0,
      /write to \/opt \(/,
    ],
    [
      'when a link leads through an open directory',
      '/opt/a',
      { '/opt/a': link('/srv/a'), '/srv': directory(0o777), '/srv/a': file() },
      0,
      /write to \/srv \(/,
    ],
    ['when a link leads back to itself', '/opt/a', { '/opt/a': link('a') }, 0, /more than 40 symbolic links$/],
    ['when it is not there', '/opt/a', {}, 0, /^cannot be run: \/opt\/a does not exist$/],
    ['when a link leads nowhere', '/opt/a', { '/opt/a': link('/opt/b') }, 0, /\/opt\/b does not exist$/],
    ['when it is a directory', '/opt', {}, 0, /\/opt is a directory$/],
    ['when it is a device', '/opt/a', { '/opt/a': { ...file(), kind: 'other' as const } }, 0, /no regular file$/],
    ['when a file is in its path', '/opt/a/b', { '/opt/a': file() }, 0, /\/opt\/a is no directory$/],
    ['when no user may execute it', '/opt/a', { '/opt/a': file(0o644) }, 0, /not executable; chmod \+x \/opt\/a$/],
  ])('%s', (_, path, entries, uid, message) => {
    expect(fault(path, entries, uid)).toMatch(message);
  });

  it('when it cannot be read', () => {
    const read = () => {
      throw new Error('EACCES: permission denied');
    };
    expect(faultOfProgram('/opt/a', { uid: 7, scope: 'file' }, read)).toMatch(/cannot be checked: EACCES/);
  });
});
