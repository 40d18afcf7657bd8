import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { isAlive, processNamed, readProcessFile, thisProcess, writeProcessFile } from './process-file.ts';

const root = mkdtempSync(join(tmpdir(), 'recovery-agent-process-'));
let count = 0;
let path: string;
beforeEach(() => {
  count += 1;
  mkdirSync(join(root, String(count)));
  path = join(root, String(count), 'engine.pid');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('reading', () => {
  it('has the process that wrote it', () => {
    writeProcessFile(path);
    expect(readProcessFile(path)).toEqual(thisProcess());
    expect(isAlive(thisProcess())).toBe(true);
  });

  it.each<[string, () => void]>([
    ['nothing', () => {}],
    ['a directory', () => mkdirSync(path)],
    ['a pipe without a writer', () => execFileSync('mkfifo', [path])],
    ['a link to a device without an end', () => execFileSync('ln', ['-s', '/dev/zero', path])],
    ['a large file', () => execFileSync('truncate', ['--size', '3G', path])],
    ['a number', () => writeFileSync(path, '1234\n')],
  ])('finds no process in %s, at once', (_, prepare) => {
    prepare();
    expect(readProcessFile(path)).toBeUndefined();
  });
});

describe('writing', () => {
  it.each(['', '1234\n', '{"pid":12'])('replaces a damaged process file: %j', (content) => {
    writeFileSync(path, content);
    writeProcessFile(path);
    expect(readProcessFile(path)?.pid).toBe(process.pid);
  });

  it('refuses a directory and a foreign file, and leaves nothing behind', () => {
    writeFileSync(path, 'x'.repeat(1000));
    expect(() => writeProcessFile(path)).toThrow(/another file is in its place/);
    expect(readFileSync(path, 'utf8')).toHaveLength(1000);
    rmSync(path);
    mkdirSync(path);
    expect(() => writeProcessFile(path)).toThrow(/a directory is in its place/);
    expect(readdirSync(join(path, '..'))).toEqual(['engine.pid']);
  });
});

it('names no process that has ended', () => {
  expect(processNamed(spawnSync('true').pid)).toBeUndefined();
});
