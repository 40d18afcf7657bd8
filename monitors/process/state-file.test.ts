import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { UNKNOWN_STANDING } from './process-decision.ts';
import { readStandings, writeStandings } from './state-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'standing-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const REPORTED = new Map([['nova-compute', { ...UNKNOWN_STANDING, failure: { at: 5, report: 'made' as const } }]]);

test('a written state is read again for the same boot, and no other file is left beside it', () => {
  const path = join(directory, 'sub', 'state.json');
  writeStandings(path, 'boot-1', REPORTED);
  expect(readStandings(path, 'boot-1').get('nova-compute')?.failure).toEqual({ at: 5, report: 'made' });
  expect(readStandings(path, 'boot-2').size).toBe(0);
  expect(readdirSync(join(directory, 'sub'))).toEqual(['state.json']);
});

test('a file that others can write to is refused with its owner, its mode and the command that corrects it', () => {
  const path = join(directory, 'forged.json');
  writeStandings(path, 'boot-1', REPORTED);
  chmodSync(path, 0o666);
  const owner = process.geteuid?.();
  const fault = `others than the owner can write to ${path} (user ${owner}, mode 0666); chmod go-w ${path}`;
  expect(() => readStandings(path, 'boot-1')).toThrow(fault);
});

test('a file in a folder that others can write to is refused', () => {
  const path = join(directory, 'open', 'state.json');
  writeStandings(path, 'boot-1', REPORTED);
  chmodSync(join(directory, 'open'), 0o777);
  expect(() => readStandings(path, 'boot-1')).toThrow(`others than the owner can write to ${join(directory, 'open')}`);
});
