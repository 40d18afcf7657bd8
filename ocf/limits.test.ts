import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { coreOptions, liftingOptions } from './limits.ts';

/** The kernel's own table, with one soft limit changed. */
function limitsWith(name: string, soft: string): string {
  return readFileSync('/proc/self/limits', 'utf8').replace(
    new RegExp(`^(${name} +)(\\S+)`, 'm'),
    (_, head: string) => head + soft,
  );
}

it.each([
  ['Max file size', '0', '--fsize=unlimited'],
  ['Max cpu time', '60', '--cpu=unlimited'],
  ['Max open files', '64', '--nofile=1024:4096'],
])('lifts %s of %s', (name, soft, option) => {
  expect(liftingOptions(limitsWith(name, soft))).toContain(option);
});

it('turns core dumps off where the caller allows them', () => {
  expect(coreOptions(limitsWith('Max core file size', 'unlimited'))).toEqual(['--core=0:0']);
  expect(coreOptions('Max core file size        0                    unlimited            bytes\n')).toEqual([
    '--core=0:0',
  ]);
  expect(coreOptions('Max core file size        0                    0                    bytes\n')).toEqual([]);
});

it('does not change sufficient limits', () => {
  expect(liftingOptions(limitsWith('Max open files', '1024'))).not.toContain('--nofile=1024:4096');
  expect(liftingOptions(limitsWith('Max file size', 'unlimited'))).not.toContain('--fsize=unlimited');
});
