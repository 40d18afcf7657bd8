import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { KnownDomain } from './known-domain.ts';
import { Memory } from './state-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'memory-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const KNOWN: KnownDomain = { name: 'instance-00000001', life: 3, power: 'on', at: 1000, reported: ['disk-error'] };
const unexpected = (text: string): void => expect.fail(text);

test('saved state is read again, from a folder that is created', async () => {
  const path = join(directory, 'new', 'instances.json');
  const memory = await Memory.open(path, 'boot-1', unexpected);
  memory.set('a', KNOWN);
  memory.set('b', KNOWN);
  await memory.save();
  memory.set('b', undefined);
  await memory.save();
  expect((await Memory.open(path, 'boot-1', unexpected)).entries()).toEqual([['a', KNOWN]]);
});

test('after a reboot of the host the state is empty', async () => {
  const path = join(directory, 'boots.json');
  const memory = await Memory.open(path, 'boot-1', unexpected);
  memory.set('a', KNOWN);
  await memory.save();
  expect((await Memory.open(path, 'boot-2', unexpected)).entries()).toEqual([]);
});

test('each of many saves at once stores its own change', async () => {
  const path = join(directory, 'many.json');
  const memory = await Memory.open(path, 'boot-1', unexpected);
  const uuids = Array.from({ length: 50 }, (_, n) => `uuid-${n}`);
  await Promise.all(
    uuids.map(async (uuid) => {
      memory.set(uuid, KNOWN);
      await memory.save();
      expect(Object.keys(JSON.parse(readFileSync(path, 'utf8')).domains)).toContain(uuid);
    }),
  );
  expect((await Memory.open(path, 'boot-1', unexpected)).entries()).toHaveLength(50);
});

test('a failed save is reported, and the next one stores its changes', async () => {
  const path = join(directory, 'gone', 'instances.json');
  const memory = await Memory.open(path, 'boot-1', unexpected);
  rmSync(join(directory, 'gone'), { recursive: true });
  memory.set('a', KNOWN);
  await expect(memory.save()).rejects.toThrow(/ENOENT/);
  await Memory.open(path, 'boot-1', unexpected);
  await memory.save();
  expect((await Memory.open(path, 'boot-1', unexpected)).entries()).toEqual([['a', KNOWN]]);
});

test.each(['', '{', '{"version":2}', '{"version":1,"boot":"boot-1","domains":{"a":{"power":"half"}}}'])(
  'a file with the content %j is moved away and logged',
  async (text) => {
    const path = join(directory, 'damaged.json');
    writeFileSync(path, text);
    const troubles: string[] = [];
    const memory = await Memory.open(path, 'boot-1', (trouble) => troubles.push(trouble));
    expect(memory.entries()).toEqual([]);
    expect(troubles.join()).toContain(`${path}.damaged`);
    expect(existsSync(path)).toBe(false);
    expect(readFileSync(`${path}.damaged`, 'utf8')).toBe(text);
  },
);

test('a file that others can write to is not used, and the log line has the command that corrects it', async () => {
  const path = join(directory, 'forged.json');
  const memory = await Memory.open(path, 'boot-1', unexpected);
  memory.set('a', KNOWN);
  await memory.save();
  chmodSync(path, 0o666);
  const troubles: string[] = [];
  const again = await Memory.open(path, 'boot-1', (trouble) => troubles.push(trouble));
  expect(again.entries()).toEqual([]);
  expect(troubles.join()).toContain(
    `others than the owner can write to ${path} (user ${process.geteuid?.()}, mode 0666); chmod go-w ${path}`,
  );
  expect(existsSync(`${path}.distrusted`)).toBe(true);
  await again.save();
});

test.runIf(process.geteuid?.() === 0)('a file of another user is not used', async () => {
  const path = join(directory, 'foreign.json');
  writeFileSync(path, '{"version":1,"boot":"boot-1","domains":{}}', { mode: 0o600 });
  chownSync(path, 1234, 1234);
  const troubles: string[] = [];
  await Memory.open(path, 'boot-1', (trouble) => troubles.push(trouble));
  expect(troubles.join()).toContain(`${path} belongs to user 1234 (mode 0600), who can change it; chown root ${path}`);
});
