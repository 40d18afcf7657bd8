import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFile, type Replacement, removeUnfinished, replaceFile, replaceFileSlowly } from './replaced-file.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-replaced-'));
  path = join(directory, 'state.json');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const BOTH: readonly (readonly [string, (replacement: Replacement) => void | Promise<void>])[] = [
  ['replaceFile', replaceFile],
  ['replaceFileSlowly', replaceFileSlowly],
];

describe.each(BOTH)('%s', (_, replace) => {
  it.each(['no', 'content', 'content and name'] as const)(
    'replaces the file as a whole (durable: %s)',
    async (durable) => {
      writeFileSync(path, 'old and longer');
      await replace({ path, text: 'new', mode: 0o600, durable });
      expect(readFileSync(path, 'utf8')).toBe('new');
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(readdirSync(directory)).toEqual(['state.json']);
    },
  );

  it('keeps the old file and leaves nothing else if it fails', async () => {
    mkdirSync(path);
    await expect(async () => await replace({ path, text: 'new', mode: 0o600, durable: 'no' })).rejects.toThrow(
      /EISDIR|ENOTEMPTY|EEXIST/,
    );
    expect(readdirSync(directory)).toEqual(['state.json']);
  });
});

describe('the unfinished file', () => {
  it('has another name each time, so no other user can put a link in its place', async () => {
    const names = new Set<string>();
    for (let round = 0; round < 3; round += 1) {
      await replaceFileSlowly({ path, text: 'new', mode: 0o600, durable: 'no' }, () => {
        for (const name of readdirSync(directory)) if (name !== 'state.json') names.add(name);
      });
    }
    expect([...names]).toEqual(
      Array.from({ length: 3 }, () => expect.stringMatching(/^\.state\.json\.[0-9a-f]{32}\.new$/)),
    );
  });

  it('is not created if anything has its name already, a link included', async () => {
    const target = join(directory, 'target');
    symlinkSync(target, path);
    await expect(createFile(path, 0o600)).rejects.toMatchObject({ code: 'EEXIST' });
    expect(existsSync(target)).toBe(false);
  });

  it('is removed at the next start when its process was killed, and no other file is', () => {
    const other = [`.other.json.${'a'.repeat(32)}.new`, '.state.json.short.new', 'state.json', 'state.json.new'];
    for (const name of [...other, `.state.json.${'a'.repeat(32)}.new`]) writeFileSync(join(directory, name), '');
    removeUnfinished(path);
    expect(readdirSync(directory).toSorted()).toEqual(other.toSorted());
    removeUnfinished(join(directory, 'missing', 'state.json'));
  });
});
