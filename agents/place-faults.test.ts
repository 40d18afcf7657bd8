/** Files with an effect that others could have written: refused before anything starts, with the correction. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Program } from '#test/world/engine-world.ts';
import { KeyFiles } from '#test/world/key-files.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-places-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function put(name: string, text: string, mode: number): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

async function validate(text: string) {
  const { code, stdout } = await new Program(['validate', '--quiet', put('ra.conf', text, 0o600)]).ended;
  return { code, lines: stdout.trim().split('\n') };
}

describe('validate', { timeout: 60_000 }, () => {
  it.each([
    ['[transport] key_file', (path: string) => `[transport]\nkey_file = ${path}\n`],
    [
      '[transport] ca_file',
      (path: string) => `[transport]\nca_file = ${path}\ncertificate_file = /c\ncertificate_key_file = /k\n`,
    ],
    ['[host] inventory', (path: string) => `[host]\ninventory = ${path}\n`],
    ['[host] ipmitool', (path: string) => `[host]\nipmitool = ${path}\n`],
    ['[process] process_list_path', (path: string) => `[process]\nprocess_list_path = ${path}\n`],
    ['[host] state_file', (path: string) => `[host]\nstate_file = ${path}\n`],
    ['[process] state_file', (path: string) => `[process]\nstate_file = ${path}\n`],
    ['[libvirt] state_file', (path: string) => `[libvirt]\nstate_file = ${path}\n`],
    ['[heartbeat] key_file', (path: string) => `[heartbeat]\nkey_file = ${path}\n`],
    ['[consul] token_file', (path: string) => `[consul]\ntoken_file = ${path}\n`],
    ['[cloud] clouds_file', (path: string) => `[cloud]\nclouds_file = ${path}\n`],
    ['[journal] path', (path: string) => `[journal]\npath = ${path}\n`],
  ])('names a file of %s that others can write', async (option, configuration) => {
    const path = put('file', 'x', 0o666);
    const { code, lines } = await validate(configuration(path));
    expect(code).toBe(1);
    const uid = process.getuid?.();
    expect(lines).toContain(
      `${path}:1:1: ${option}: others than the owner can write to ${path} (user ${uid}, mode 0666); chmod go-w ${path}`,
    );
    chmodSync(path, 0o600);
    expect((await validate(configuration(path))).lines.join('\n')).not.toContain('others than the owner');
  });

  it('names keys that would be refused: open to others, shared by all nodes, or of another kind', async () => {
    const keys = new KeyFiles(directory);
    const own = keys.issue('c1');
    const shared = put('authkey', 'k'.repeat(64), 0o600);
    const named = (key: string, ring: string, heartbeat: string): string =>
      `[transport]\nkey_file = ${key}\nkey_ring_file = ${ring}\n[heartbeat]\nkey_file = ${heartbeat}\n`;
    expect((await validate(named(own, keys.ringFile, own))).code).toBe(0);
    const { code, lines } = await validate(named(shared, own, shared));
    expect(code).toBe(1);
    expect(lines.join('\n')).toMatch(/\[transport\] key_file: .* contains no key of this host alone/);
    expect(lines.join('\n')).toMatch(
      /\[transport\] key_ring_file: .* cannot be used: it is no complete "recovery-agent key ring"/,
    );
    expect(lines.join('\n')).toMatch(/\[heartbeat\] key_file: the heartbeat key .* is not of this host alone/);
    chmodSync(own, 0o644);
    expect((await validate(named(own, keys.ringFile, ''))).lines.join('\n')).toMatch(
      /\[transport\] key_file: .* is open to others \(mode 0644\); chmod 600 /,
    );
  });

  it('names a directory of the journal that a group can write, and one on the way', async () => {
    mkdirSync(join(directory, 'shared', 'below'), { recursive: true });
    chmodSync(join(directory, 'shared'), 0o2770);
    const { code, lines } = await validate(`[journal]\npath = ${directory}/shared/below/journal.db\n`);
    expect(code).toBe(1);
    expect(lines[0]).toMatch(
      /\[journal\] path: others than the owner can write to \S+\/shared \(user \d+, mode 2770\)/,
    );
  });

  it('names an outbox that is in use for something else, or a link', async () => {
    mkdirSync(join(directory, 'lib'));
    put('lib/important.conf', 'data', 0o644);
    symlinkSync(join(directory, 'lib'), join(directory, 'link'));
    for (const [name, reason] of [
      ['lib', 'is in use for something else (it contains "important.conf")'],
      ['link', 'is a symbolic link'],
    ]) {
      const { code, lines } = await validate(`[monitors]\noutbox = ${directory}/${name}\n`);
      expect([code, lines[0]]).toEqual([
        1,
        expect.stringContaining(`[monitors] outbox: ${directory}/${name} ${reason}`),
      ]);
    }
  });
});

describe('a monitor', { timeout: 60_000 }, () => {
  it('takes no configuration that others can write, which could name a program', async () => {
    const proof = join(directory, 'proof');
    const evil = put('evil', `#!/bin/sh\n: > ${proof}\necho Chassis Power is off\n`, 0o755);
    const inventory = put(
      'inventory.yaml',
      'hosts: {c1: {bmc: {type: ipmi, address: 192.0.2.1, user: a, password: b}}}\n',
      0o640,
    );
    const file = put('ra.conf', `[host]\nsources = ipmi\nipmitool = ${evil}\ninventory = ${inventory}\n`, 0o666);
    const { code, stderr } = await new Program(['monitor', 'host', '--once', '--config', file]).ended;
    expect([code, stderr]).toEqual([2, expect.stringContaining(`others than the owner can write to ${file}`)]);
    expect(existsSync(proof)).toBe(false);
  });

  it('takes no folder for its outbox that holds something else, and changes nothing there', async () => {
    const lib = join(directory, 'lib');
    mkdirSync(lib, { mode: 0o755 });
    put('lib/journal.db', 'data', 0o644);
    const list = put('list.yaml', '- {process_name: x, restart_command: /bin/true, run_as_root: true}\n', 0o600);
    const file = put(
      'ra.conf',
      `[monitors]\noutbox = ${lib}\n[process]\nprocess_list_path = ${list}\nstate_file = ${directory}/state\n`,
      0o600,
    );
    const { code, stderr } = await new Program(['monitor', 'process', '--config', file]).ended;
    expect([code, stderr]).toEqual([1, expect.stringContaining('the outbox cannot be used: ')]);
    expect([readdirSync(lib), statSync(lib).mode & 0o777]).toEqual([['journal.db'], 0o755]);
  });
});
