import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { issue, newKeyRing, revoke, rotate } from './key-ring.ts';
import { createKeyRing, KeyRingFile, replaceKeyRing } from './key-ring-file.ts';

const NOW = '2026-11-29T00:00:00Z';
const WAIT = { timeout: 20_000 };

async function scene() {
  const directory = mkdtempSync(join(tmpdir(), 'key-ring-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'key-ring');
  const { ring } = issue(newKeyRing(NOW), 'compute-1', { watcher: false, now: NOW });
  await createKeyRing(path, ring);
  const lines: string[] = [];
  const file = new KeyRingFile(path, (level, message, fields) =>
    lines.push(`${level} ${message} ${fields?.reason ?? ''}`),
  );
  return { path, ring, file, lines };
}

test('a ring that was changed is read again while the engine runs', async () => {
  const { path, ring, file, lines } = await scene();
  const next = rotate(ring, NOW);
  replaceKeyRing(path, next);
  await expect.poll(() => file.current.revision, WAIT).toBe(next.revision);
  expect(lines).toEqual([expect.stringContaining('info key ring read again')]);
});

test('an older copy is refused, so it makes no revoked key valid', async () => {
  const { path, ring, file, lines } = await scene();
  const revoked = revoke(ring, 'compute-1', NOW);
  replaceKeyRing(path, revoked);
  await expect.poll(() => file.current.revision, WAIT).toBe(revoked.revision);
  replaceKeyRing(path, ring);
  await expect.poll(() => file.current && lines.length, WAIT).toBe(2);
  expect(lines[1]).toContain(
    'error key ring not read again; the one from before stays in use it is an older copy (revision 2,',
  );
  expect(file.current.hosts['compute-1']?.revoked).toBe(NOW);
});

test('a damaged file leaves the ring from before in use', async () => {
  const { path, ring, file, lines } = await scene();
  writeFileSync(path, '{');
  await expect.poll(() => file.current && lines.length, WAIT).toBe(1);
  expect(file.current).toEqual(ring);
});
