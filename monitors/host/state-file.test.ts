import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { HostStateFile } from './state-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'ledger-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const silent = () => {};

test('reports are known after a restart, and no other file is left beside the state file', () => {
  const path = join(directory, 'sub', 'state.json');
  const stateFile = HostStateFile.open(path, silent);
  stateFile.set('c1', { said: 'dead', since: 5, proof: 'fenced' });
  stateFile.set('c2', { said: 'suspected', since: 6 });
  stateFile.set('c1', undefined);
  const again = HostStateFile.open(path, silent);
  expect([again.get('c1'), again.get('c2')]).toEqual([undefined, { said: 'suspected', since: 6 }]);
  expect(readdirSync(join(directory, 'sub'))).toEqual(['state.json']);
});

test.each([
  ['cut off', '{"version":1,"ho'],
  ['empty', ''],
  ['of a later version', '{"version":2,"hosts":{}}'],
  ['with a word that is not known', '{"version":1,"hosts":{"c1":{"said":"gone","since":1}}}'],
])('a file that is %s is logged and counts as none', (_, text) => {
  const path = join(directory, 'broken.json');
  writeFileSync(path, text);
  const reported: string[] = [];
  const stateFile = HostStateFile.open(path, (level, message) => reported.push(`${level}: ${message}`));
  expect(stateFile.get('c1')).toBeUndefined();
  expect(reported).toEqual(['error: the state file cannot be read; hosts that are dead are reported again']);
  stateFile.set('c1', { said: 'dead', since: 1 });
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ version: 1, hosts: { c1: { said: 'dead', since: 1 } } });
});

test('a report that cannot be written still counts, and is marked as not written', () => {
  const path = join(directory, 'file');
  writeFileSync(path, '');
  const stateFile = HostStateFile.open(join(path, 'state.json'), silent);
  expect(() => stateFile.set('c1', { said: 'dead', since: 1 })).toThrow();
  expect([stateFile.get('c1')?.said, stateFile.isSaved]).toEqual(['dead', false]);
});

test('known fencings are known after a restart, together with the reports', () => {
  const path = join(directory, 'fencings.json');
  const stateFile = HostStateFile.open(path, silent);
  expect(stateFile.fencings('c1')).toBeUndefined();
  stateFile.knowFencings('c1', []);
  stateFile.knowFencings('c2', [60_000, 20_000]);
  expect(stateFile.isSaved).toBe(false);
  stateFile.set('c2', { said: 'dead', since: 20_000 });
  const again = HostStateFile.open(path, silent);
  expect([again.fencings('c1'), again.fencings('c2'), again.get('c2')?.said]).toEqual([[], [20_000, 60_000], 'dead']);
  again.knowFencings('c2', [20_000, 61_000]);
  expect(again.isSaved).toBe(true);
});

test('a file of a version without the history has the reports, and no fencings', () => {
  const path = join(directory, 'older.json');
  writeFileSync(path, '{"version":1,"hosts":{"c1":{"said":"dead","since":1}}}');
  const stateFile = HostStateFile.open(path, silent);
  expect([stateFile.get('c1')?.said, stateFile.fencings('c1')]).toEqual(['dead', undefined]);
});
