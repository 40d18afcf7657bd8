import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readListFile, stampOf } from './list-file.ts';
import { parseProcessList } from './process-list.ts';

const ROOT = { uid: 0 };
const SAMPLE = readFileSync(new URL('../../test/fixtures/process/process_list.yaml', import.meta.url), 'utf8');

describe('the list', () => {
  test("Masakari's own sample is read as it is", () => {
    const entries = parseProcessList('list.yaml', SAMPLE, ROOT);
    expect(entries.map((entry) => entry.reportAs)).toEqual([
      'libvirtd',
      'nova-compute',
      'masakari-instancemonitor',
      'masakari-hostmonitor',
      'sshd',
    ]);
    expect(entries[1]).toEqual({
      kind: 'process',
      key: 'process /usr/local/bin/nova-compute',
      reportAs: 'nova-compute',
      processName: '/usr/local/bin/nova-compute',
      start: [{ argv: ['systemctl', 'start', 'nova-compute'], text: 'systemctl start nova-compute' }],
      restart: [{ argv: ['systemctl', 'restart', 'nova-compute'], text: 'systemctl restart nova-compute' }],
      runAs: 'self',
    });
  });

  test('commands keep their order: before, itself, after', () => {
    const [entry] = parseProcessList(
      'l',
      '- {process_name: x, post_restart_command: c, restart_command: b, pre_restart_command: a, run_as_root: yes}',
      ROOT,
    );
    expect(entry?.kind === 'process' && entry.restart.map((command) => command.text)).toEqual(['a', 'b', 'c']);
  });

  test('units and processes can be mixed', () => {
    const text =
      '- systemd_unit: openstack-nova-compute\n- {systemd_unit: a@b.socket, respect_stop: no, report_as: x}\n';
    expect(parseProcessList('l', text, ROOT)).toEqual([
      {
        kind: 'unit',
        key: 'unit openstack-nova-compute.service',
        reportAs: 'nova-compute',
        unit: 'openstack-nova-compute.service',
        whenStopped: 'leave',
      },
      { kind: 'unit', key: 'unit a@b.socket', reportAs: 'x', unit: 'a@b.socket', whenStopped: 'restart' },
    ]);
  });

  test('without run_as_root the commands of a monitor that is root run as the user of the option', () => {
    const text = '- {process_name: x, restart_command: r, run_as_root: false}';
    const [entry] = parseProcessList('l', text, { uid: 0, user: { uid: 65534, gid: 65534 } });
    expect(entry?.kind === 'process' && entry.runAs).toEqual({ uid: 65534, gid: 65534 });
    const [own] = parseProcessList('l', text, { uid: 1000 });
    expect(own?.kind === 'process' && own.runAs).toBe('self');
  });

  const good = 'process_name: x\n  restart_command: r\n  run_as_root: true\n';
  test.each<[string, string, string]>([
    ['no list', 'process_name: x\n', 'l:1:1: a list of processes is needed'],
    ['nothing at all', '', 'l:1:1: a list of processes is needed'],
    ['no YAML', '- {a: b\n', 'this is not YAML'],
    ['an entry that is a word', '- x\n', 'l:1:3: this entry has neither a process_name nor a systemd_unit'],
    ['an empty name', '- process_name: ""\n', 'this entry has neither'],
    ['no restart command', '- process_name: x\n  run_as_root: true\n', 'l:1:3: this entry has no restart_command'],
    ['no run_as_root', '- process_name: x\n  restart_command: r\n', 'has no run_as_root'],
    ['a word for run_as_root', `- ${good.replace('true', 'maybe')}`, 'l:3:3: run_as_root must be true or false'],
    ['shell syntax', `- ${good}  start_command: a | b\n`, 'l:4:3: start_command has "|"'],
    ['a misspelt key', `- ${good}  start_comand: a\n`, 'l:4:3: unknown key "start_comand"'],
    [
      'the same entry twice',
      `- ${good}- ${good}`,
      'l:4:3: this entry is in the list twice; the first one is at line 1',
    ],
    ['a number for a name', `- ${good.replace('x', '7')}`, 'l:1:3: process_name must be a text'],
    ['root without a user for others', `- ${good.replace('true', 'false')}`, 'name a user in [process] user'],
    ['a unit that is an option', '- systemd_unit: --now\n', 'is no name of a unit'],
    ['keys of the other kind', '- systemd_unit: x\n  restart_command: r\n', 'unknown key "restart_command"'],
    ['a missing anchor', '- *x\n', 'this is not YAML'],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseProcessList('l', text, ROOT)).toThrow(message);
  });

  test('all faults are reported at once', () => {
    const text = '- process_name: a\n- process_name: b\n';
    expect(() => parseProcessList('l', text, ROOT)).toThrow(/l:1:3[\s\S]*l:2:3/);
  });

  test('a monitor without the rights to restart is refused', () => {
    expect(() => parseProcessList('l', `- ${good}`, { uid: 1000 })).toThrow('runs as user 1000');
    expect(() => parseProcessList('l', '- systemd_unit: x\n', { uid: 1000 })).toThrow('by root only');
  });
});

describe('the file', () => {
  const directory = mkdtempSync(join(tmpdir(), 'process-list-'));
  const path = join(directory, 'list.yaml');
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test('is read whole when its owner is this user', () => {
    writeFileSync(path, SAMPLE, { mode: 0o644 });
    expect(readListFile(path)).toBe(SAMPLE);
  });

  test('is refused when every user can write it', () => {
    chmodSync(path, 0o666);
    expect(() => readListFile(path)).toThrow('others than the owner can write to');
    chmodSync(path, 0o644);
  });

  test.skipIf(uid !== 0)('is refused when a foreign group can write it', () => {
    chmodSync(path, 0o664);
    chownSync(path, 0, 4711);
    expect(() => readListFile(path)).toThrow('others than the owner can write to');
    chownSync(path, 0, gid);
    chmodSync(path, 0o644);
  });

  test.skipIf(uid !== 0)('is refused when it belongs to another user', () => {
    chownSync(path, 4711, gid);
    expect(() => readListFile(path)).toThrow('belongs to user 4711');
    chownSync(path, 0, gid);
  });

  test('is reported by its path if it is missing', () => {
    expect(() => readListFile(join(directory, 'none'))).toThrow(/none:1:1: the list of processes does not exist/);
    expect(() => readListFile(directory)).toThrow('no regular file');
  });

  test('has another stamp after each change', () => {
    const before = stampOf(path);
    expect(stampOf(path)).toBe(before);
    writeFileSync(path, `${SAMPLE}#`);
    expect(stampOf(path)).not.toBe(before);
    expect(stampOf(join(directory, 'none'))).toBe('none');
  });
});
