import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readPreSharedKey } from '#protocol/pre-shared-key.ts';
import { Program } from '#test/world/engine-world.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-keygen-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('keygen', () => {
  it('makes a key that engines and hosts take, for its owner alone, and says what to do with it', async () => {
    const file = join(directory, 'authkey');
    const { code, stdout, stderr } = await new Program(['keygen', file]).ended;
    const key = readFileSync(file, 'latin1');
    expect([code, stderr, statSync(file).mode & 0o777]).toEqual([0, '', 0o600]);
    expect(key).toMatch(/^[A-Za-z0-9+/]{86}==\n$/);
    expect(readPreSharedKey(file)).toHaveLength(32);
    expect(stdout).toContain(`[transport] key_file = ${file}`);
    expect(stdout).not.toContain(key.slice(0, 20));
  });

  it('leaves a key that is there as it is, also when asked twice at once', async () => {
    const file = join(directory, 'authkey');
    const ends = await Promise.all([1, 2].map(() => new Program(['keygen', file]).ended));
    expect(ends.map(({ code }) => code).toSorted()).toEqual([0, 1]);
    const key = readFileSync(file);
    const { code, stderr } = await new Program(['keygen', file]).ended;
    expect([code, stderr]).toEqual([1, expect.stringContaining(`${file} is there already and stays as it is`)]);
    expect(readFileSync(file)).toEqual(key);
  });

  it('says why it cannot make one', async () => {
    const { code, stderr } = await new Program(['keygen', join(directory, 'none/authkey')]).ended;
    expect([code, stderr]).toEqual([1, expect.stringContaining('none/authkey cannot be made (ENOENT)')]);
    expect((await new Program(['keygen', '']).ended).code).toBe(2);
  });
});
