import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findEnding, readEnding } from './qemu-log.ts';

const directory = mkdtempSync(join(tmpdir(), 'qemu-log-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const START = '2026-11-21 08:10:27.536+0000: starting up libvirt version: 9.0.0, package: 9.0.0-4+deb12u2 (Debian)\n';
const QEMU =
  '2026-11-21T08:10:23.371173Z qemu-system-x86_64: terminating on signal 15 from pid 22002 (/usr/sbin/libvirtd)\n';
const CRASHED = '2026-11-21 08:14:06.895+0000: shutting down, reason=crashed\n';
const at = Date.UTC(2026, 10, 21, 8, 14, 6, 895);

test('the last ending is found, with its time', () => {
  expect(findEnding(START + CRASHED)).toEqual({ reason: 'crashed', at });
  expect(findEnding(START + CRASHED + QEMU)).toEqual({ reason: 'crashed', at });
});

test('an ending before the last start belongs to another life', () => {
  expect(findEnding(CRASHED + START)).toBeUndefined();
  expect(findEnding(CRASHED + START + QEMU)).toBeUndefined();
});

test('text of a guest or an argument is not taken for a line of libvirt', () => {
  expect(findEnding(`  -name ${CRASHED}`)).toBeUndefined();
  expect(findEnding(CRASHED.replace('crashed', 'crashed, and more'))).toBeUndefined();
  expect(findEnding('')).toBeUndefined();
});

test('only the tail of a long log is read', async () => {
  writeFileSync(join(directory, 'long.log'), `${'x'.repeat(1024 * 1024)}\n${START}${CRASHED}`);
  writeFileSync(join(directory, 'buried.log'), `${START}${CRASHED}${'x'.repeat(1024 * 1024)}\n`);
  expect(await readEnding(directory, 'long')).toEqual({ reason: 'crashed', at });
  expect(await readEnding(directory, 'buried')).toBeUndefined();
});

test('no log, a folder, and a name outside of the folder return nothing; a link is refused', async () => {
  mkdirSync(join(directory, 'folder.log'));
  symlinkSync(join(directory, 'long.log'), join(directory, 'link.log'));
  expect(await readEnding(directory, 'absent')).toBeUndefined();
  expect(await readEnding(directory, 'folder')).toBeUndefined();
  expect(await readEnding(directory, `../${directory.split('/').pop()}/long`)).toBeUndefined();
  await expect(readEnding(directory, 'link')).rejects.toThrow(/ELOOP/);
});
