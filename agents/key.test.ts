/** `recovery-agent key`: the ring of the engines and the keys of hosts, made by real processes. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseHostKey } from '#protocol/identity/host-key.ts';
import { readKeyRing } from '#protocol/identity/key-ring-file.ts';
import { Program } from '#test/world/engine-world.ts';

let directory = '';
let ring = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-key-'));
  ring = join(directory, 'key-ring');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const key = (...words: readonly string[]) => new Program(['key', ...words, '--ring', ring]).ended;

describe('key', { timeout: 60_000 }, () => {
  it('makes a ring for its owner alone, and never replaces one', async () => {
    const { code, stdout, stderr } = await key('init');
    expect([code, stderr, statSync(ring).mode & 0o777]).toEqual([0, '', 0o600]);
    expect(stdout).toContain(`[transport] key_ring_file = ${ring}`);
    const before = readFileSync(ring, 'utf8');
    const [{ master } = { master: '' }] = readKeyRing(ring).generations;
    expect(stdout).not.toContain(master);
    const again = await key('init');
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('is there already and stays as it is')]);
    expect(readFileSync(ring, 'utf8')).toBe(before);
  });

  it('issues a key to standard output or a file of mode 0600, and the same one again', async () => {
    await key('init');
    const file = join(directory, 'c1.key');
    const first = await key('issue', 'c1');
    const own = parseHostKey(Buffer.from(first.stdout));
    expect([first.code, own?.host, own?.watched]).toEqual([0, 'c1', []]);
    expect(first.stderr).toContain(`Copy ${ring} to every other controller.`);
    const again = await key('issue', 'c1', file);
    expect([again.code, again.stderr, statSync(file).mode & 0o777]).toEqual([0, '', 0o600]);
    expect(readFileSync(file, 'utf8')).toBe(first.stdout);
    expect(again.stdout).not.toContain(own?.key.toString('base64'));
    const refused = await key('issue', 'c1', file);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('to replace it, add --force')]);
    expect((await key('issue', 'c1', file, '--force')).code).toBe(0);
    const link = join(directory, 'link');
    symlinkSync(join(directory, 'elsewhere'), link);
    expect((await key('issue', 'c2', link)).code).toBe(1);
    expect(existsSync(join(directory, 'elsewhere'))).toBe(false);
  });

  it('rotates, revokes and lists', async () => {
    await key('init');
    await key('issue', 'c1');
    await key('issue', 'c2', '--watcher');
    expect((await key('rotate')).stdout).toContain('Keys are issued in generation 2; those of generation 1 stay valid');
    await key('issue', 'c1');
    expect((await key('revoke', 'C2')).stdout).toContain('The key of c2 is revoked');
    const list = JSON.parse((await key('list', '--json')).stdout);
    expect(list.hosts).toMatchObject([
      { host: 'c1', state: 'valid', generation: 2, serial: 1 },
      { host: 'c2', state: 'revoked', watcher: true },
    ]);
    expect(JSON.stringify(list)).not.toContain('master');
    await key('issue', 'c2');
    expect((await key('rotate', '--retire')).stdout).toContain('Keys of generation 2 alone are valid now.');
    const table = (await key('list')).stdout;
    expect(table).toMatch(/c1 +\| valid +\| no/);
    expect(table).toMatch(/c2 +\| valid +\| no +\| 2 +\| 2/);
  });

  it.each([
    [[], 2, 'an action is missing: init, issue, rotate, revoke, list'],
    [['frob'], 2, 'there is no action "frob"'],
    [['issue'], 2, 'the name of the host is missing'],
    [['issue', 'a/b'], 2, '"a/b" is no host name'],
    [['issue', 'local'], 2, '"local" is reserved'],
    [['list'], 1, 'key-ring cannot be read (ENOENT)'],
    [['revoke', 'c9'], 1, 'key-ring cannot be read (ENOENT)'],
  ])('%j is refused with what is wrong', async (words, code, message) => {
    const ended = await key(...words);
    expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(message)]);
  });

  it('neither retires nor replaces a generation on which hosts depend, unless forced', async () => {
    await key('init');
    await key('issue', 'c1');
    await key('issue', 'c2');
    await key('issue', 'gone');
    await key('revoke', 'gone');
    await key('rotate');
    await key('issue', 'c1');
    const before = readFileSync(ring, 'utf8');
    for (const words of [['rotate', '--retire'], ['rotate']]) {
      const { code, stderr } = await key(...words);
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining('refuse the keys of c2; issue new keys to them first'),
      ]);
    }
    expect(readFileSync(ring, 'utf8')).toBe(before);
    expect((await key('rotate', '--retire', '--force')).code).toBe(0);
    expect((await key('list')).stdout).toMatch(/c2 +\| expired/);
  });

  it('lists the watchers, and warns that a renewed key is not the key of a watcher', async () => {
    await key('init');
    await key('issue', 'n1', '--watcher');
    expect((await key('rotate')).stdout).toContain('to the watchers first (n1)');
    expect((await key('issue', 'n1')).stderr).toContain('n1: this key checks no heartbeats, unlike the one before');
    expect((await key('issue', 'n1', '--watcher')).stderr).not.toContain('heartbeats');
  });

  it('revokes nothing that was not issued', async () => {
    await key('init');
    await key('issue', 'c1');
    const { code, stderr } = await key('revoke', 'c9');
    expect([code, stderr]).toEqual([1, expect.stringContaining('no key is revoked: keys were issued to c1')]);
  });
});
