import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { faultOfFile } from './trusted-path.ts';

const UNPRIVILEGED = 65534;
const isRoot = process.getuid?.() === 0;

/** Under /tmp, which every user can write and which is sticky. */
let directory = '';
let file = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-trusted-'));
  mkdirSync(join(directory, 'tasks'));
  file = join(directory, 'tasks', 'task.mjs');
  writeFileSync(file, '', { mode: 0o644 });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('a file is trusted', () => {
  it('if only root and our user can write it and its parents', () => {
    expect(faultOfFile(file)).toBeUndefined();
    expect(faultOfFile(join(directory, 'tasks/../tasks/./task.mjs'))).toBeUndefined();
  });

  it('through a symbolic link, absolute or relative', () => {
    symlinkSync(file, join(directory, 'absolute'));
    symlinkSync('tasks', join(directory, 'relative'));
    symlinkSync('../relative/task.mjs', join(directory, 'tasks', 'back'));
    for (const path of ['absolute', 'relative/task.mjs', 'tasks/back']) {
      expect(faultOfFile(join(directory, path))).toBeUndefined();
    }
  });

  it('in a sticky directory that every user can write', () => {
    chmodSync(join(directory, 'tasks'), 0o1777);
    expect(faultOfFile(file)).toBeUndefined();
  });
});

describe('a file is not trusted', () => {
  it.each([0o666, 0o664, 0o646, 0o622])('with mode %o', (mode) => {
    chmodSync(file, mode);
    expect(faultOfFile(file)).toMatch(
      /^others than the owner can write to .*task\.mjs \(user \d+, mode 0\d{3}\).*chmod go-w/,
    );
  });

  it.each([0o777, 0o775])('in a directory with mode %o', (mode) => {
    chmodSync(join(directory, 'tasks'), mode);
    expect(faultOfFile(file)).toMatch(/others than the owner can write to .*tasks \(user/);
  });

  it('if a directory on the path of a link can be changed', () => {
    mkdirSync(join(directory, 'open'));
    symlinkSync(file, join(directory, 'open', 'link'));
    symlinkSync('open/link', join(directory, 'first'));
    expect(faultOfFile(join(directory, 'first'))).toBeUndefined();
    chmodSync(join(directory, 'open'), 0o777);
    expect(faultOfFile(join(directory, 'first'))).toMatch(/open \(user \d+, mode 0777\)/);
  });

  it.skipIf(!isRoot)(`if it, its directory or a link belongs to another user${isRoot ? '' : ' (needs root)'}`, () => {
    chownSync(file, UNPRIVILEGED, UNPRIVILEGED);
    expect(faultOfFile(file)).toMatch(/task\.mjs belongs to user 65534/);
    chownSync(file, 0, UNPRIVILEGED);
    expect(faultOfFile(file)).toBeUndefined();
    chownSync(join(directory, 'tasks'), UNPRIVILEGED, UNPRIVILEGED);
    expect(faultOfFile(file)).toMatch(/tasks belongs to user 65534/);
  });

  it.each([
    ['does not exist', () => join(directory, 'none.mjs'), /none\.mjs does not exist/],
    ['is below a file', () => join(file, 'more'), /is no directory/],
    ['is a directory', () => directory, /is a directory/],
    ['is a device', () => '/dev/null', /null/],
  ])('when it %s', (_, path, fault) => {
    expect(faultOfFile(path())).toMatch(fault);
  });

  it('if links form a circle', () => {
    symlinkSync('b', join(directory, 'a'));
    symlinkSync('a', join(directory, 'b'));
    expect(faultOfFile(join(directory, 'a'))).toMatch(/more than 40 symbolic links/);
  });
});
