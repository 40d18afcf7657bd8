import { appendFileSync, closeSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { lastLines, openLog } from './log-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'recovery-agent-log-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

it('reads the end of a log of any size, and nothing from before the engine', () => {
  const path = join(directory, 'large.log');
  writeFileSync(path, 'an old line\n');
  truncateSync(path, 5 * 1024 ** 3);
  const { descriptor, begin } = openLog(path);
  closeSync(descriptor);
  expect(begin).toBe(5 * 1024 ** 3);
  expect(lastLines(path, begin)).toBe('');
  appendFileSync(path, 'one\ntwo\nthree\nfour\n');
  expect(lastLines(path, begin)).toBe('two; three; four');
});

it('creates the log and its folder with modes of their own', () => {
  const path = join(directory, 'var', 'log', 'engine.log');
  const before = process.umask(0o022);
  try {
    closeSync(openLog(path).descriptor);
  } finally {
    process.umask(before);
  }
  expect(statSync(path).mode & 0o777).toBe(0o640);
  expect(statSync(join(directory, 'var', 'log')).mode & 0o777).toBe(0o750);
});

it('returns nothing for a path that is no file', () => {
  expect(lastLines(directory, 0)).toBe('');
  expect(() => openLog(directory)).toThrow(expect.objectContaining({ code: 'EISDIR' }));
});
