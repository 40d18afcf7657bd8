import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { KnownDomain } from './known-domain.ts';
import { Memory } from './memory.ts';

const directory = mkdtempSync(join(tmpdir(), 'memory-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const KNOWN: KnownDomain = { name: 'instance-00000001', life: 3, power: 'on', at: 1000, reported: ['disk-error'] };
const unexpected = (text: string): void => expect.fail(text);

test('what was saved is there again, in a folder that was not', async () => {
  const path = join(directory, 'new', 'instances.json');
  const memory = await Memory.open(path, 'boot-1', unexpected);
  memory.set('a', KNOWN);
  memory.set('b', KNOWN);
  await memory.save();
  memory.set('b', undefined);
  await memory.save();
  expect((await Memory.open(path, 'boot-1', unexpected)).entries()).toEqual([['a', KNOWN]]);
});

test('after the host started anew nothing is remembered', async () => {
  const path = join(directory, 'boots.json');
  const memory = await Memory.open(path, 'boot-1', unexpected);
  memory.set('a', KNOWN);
  await memory.save();
  expect((await Memory.open(path, 'boot-2', unexpected)).entries()).toEqual([]);
});

test('many who save at once all find their own saved', async () => {
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

test('a save that fails is heard of, and the next one saves what it did not', async () => {
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
  'a file that says %j is put aside, and said so',
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
