import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { CgroupEvents, cgroupMount, cgroupOf } from './cgroup.ts';
import { Pulse } from './liveness.ts';
import { downDetail, matching, parseStat, readProcessTable, readRunning } from './process-table.ts';
import { countsUser } from './process-users.ts';

const UNPRIVILEGED = 65_534;
const children: ChildProcess[] = [];

/** A process that does nothing and has `name` in its command line. */
async function idle(name: string): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6); console.log("up")', name], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(child);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  if (child.pid === undefined) throw new Error('no pid');
  return Object.assign(child, { pid: child.pid });
}

function gone(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

describe('the table of processes', () => {
  test('shows the command lines of all, and threads of the kernel in brackets', async () => {
    const name = `watched-${process.pid}`;
    const child = await idle(name);
    const table = await readProcessTable();
    expect(matching(table, { processName: name }, new Set()).found.map(({ pid }) => pid)).toEqual([child.pid]);
    expect(table.find(({ pid }) => pid === child.pid)?.commandLine).toContain(`console.log("up") ${name}`);
    expect(table.map(({ pid }) => pid)).toContain(1);
  });

  test('this process and the commands that it runs are not counted', async () => {
    const child = await idle('counted-out');
    const table = await readProcessTable();
    const named = { processName: 'counted-out' };
    const { found } = matching(table, named, new Set());
    expect(matching(table, named, new Set(found.map(({ processGroup }) => processGroup))).found).toEqual([]);
    expect(matching(table, named, new Set([child.pid])).found).toEqual([]);
    const me = { pid: process.pid, processGroup: 1, uid: 0, commandLine: 'me' };
    expect(matching([me], { processName: 'me' }, new Set()).found).toEqual([]);
  });

  test('text of a QEMU command line, which tenants choose, is not taken for the name of a process', () => {
    const guest = (program: string) => ({
      pid: 2,
      processGroup: 2,
      uid: 107,
      commandLine: `${program} -name guest=nova-compute -append nova-compute -smbios type=1,serial=nova-compute`,
    });
    for (const program of ['/usr/libexec/qemu-kvm', '/usr/bin/qemu-system-x86_64', 'kvm']) {
      expect(matching([guest(program)], { processName: 'nova-compute' }, new Set())).toEqual({
        found: [],
        foreign: [],
      });
    }
    expect(matching([guest('/usr/bin/qemu-kvm')], { processName: 'qemu-kvm' }, new Set()).found).toHaveLength(1);
    expect(matching([guest('/usr/bin/my-qemu-kvm')], { processName: 'nova-compute' }, new Set()).found).toHaveLength(1);
  });

  test.skipIf(process.getuid?.() !== 0)(
    'a process of a person with that name does not count, unless the list allows it (needs root)',
    async () => {
      const name = `watched-by-nobody-${process.pid}`;
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6); console.log("up")', name], {
        stdio: ['ignore', 'pipe', 'ignore'],
        cwd: '/',
        uid: UNPRIVILEGED,
      });
      children.push(child);
      await new Promise((resolve) => child.stdout?.once('data', resolve));
      const table = await readProcessTable();
      const { found, foreign } = matching(table, { processName: name }, new Set());
      expect([found, foreign.map(({ uid }) => uid)]).toEqual([[], [UNPRIVILEGED]]);
      expect(downDetail(foreign)).toBe(
        `in no command line of a user that counts (pid ${child.pid} of user 65534 does not; see users in the list)`,
      );
      expect(matching(table, { processName: name, users: [UNPRIVILEGED] }, new Set()).found).toHaveLength(1);
    },
  );

  test('an id without an account counts, as for a service in a container, and a subordinate one does not', () => {
    expect([0, 999, 42_436, 100_000, 65_534].map((uid) => countsUser(uid, undefined))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(countsUser(0, [7])).toBe(false);
  });

  test('if /proc hides other processes, ps is used', async () => {
    const child = await idle('seen-by-ps');
    const table = await readProcessTable('/nowhere');
    expect(matching(table, { processName: 'seen-by-ps' }, new Set()).found.map(({ pid }) => pid)).toEqual([child.pid]);
  });

  test('a zombie is not in it', async () => {
    // The shell becomes a sleep that never waits for the shell's child. The child ends only then: a shell might wait for it.
    const script = 'cat <&3 >/dev/null & echo $!; exec sleep 1000';
    const parent = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore', 'pipe'] });
    children.push(parent);
    const pid = Number(await new Promise((resolve) => parent.stdout?.once('data', resolve)));
    const nameOf = (id: number | undefined) => parseStat(readFileSync(`/proc/${id}/stat`, 'latin1'))?.name;
    await vi.waitFor(() => expect(nameOf(parent.pid)).toBe('sleep'), { timeout: 20_000, interval: 20 });
    const input = parent.stdio[3];
    if (!input || !('end' in input)) throw new Error('the child has no input');
    input.end();
    const state = () => parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.state;
    await vi.waitFor(() => expect(state()).toBe('Z'), { timeout: 20_000, interval: 20 });
    expect(readRunning('/proc', pid)).toBeUndefined();
    expect(Pulse.of(pid)).toBeUndefined();
  });

  test('names with blanks and parentheses are parsed', () => {
    expect(parseStat('12 (a) (b c) S 1 77 8')).toEqual({ name: 'a) (b c', state: 'S', processGroup: 77 });
    expect(parseStat('')).toBeUndefined();
  });
});

describe('a pulse', () => {
  test('is alive until the process is dead, and never again', async () => {
    const child = await idle('pulse');
    const pulse = Pulse.of(child.pid);
    expect(pulse?.beats()).toBe(true);
    child.kill('SIGKILL');
    await gone(child);
    expect(pulse?.beats()).toBe(false);
    pulse?.close();
    expect(pulse?.beats()).toBe(false);
  });

  test('a number without a process has none', () => {
    expect(Pulse.of(4_194_304)).toBeUndefined();
  });
});

describe('control groups', () => {
  test('are found where they are mounted', () => {
    const line = '29 22 0:26 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw\n';
    expect(cgroupMount(`22 1 0:21 / /proc rw - proc proc rw\n${line}`)).toBe('/sys/fs/cgroup/unified');
    expect(cgroupMount('22 1 0:21 / /proc rw - proc proc rw\n')).toBeUndefined();
    expect(cgroupOf(4_194_304, '/sys/fs/cgroup')).toBeUndefined();
  });

  test('a change of a group is reported, unless the group is no longer watched', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'cgroup-'));
    const received = vi.fn();
    const ears = new CgroupEvents(received);
    try {
      const events = join(directory, 'cgroup.events');
      writeFileSync(events, 'populated 1\n');
      ears.receive(new Set([directory, join(directory, 'missing')]));
      expect(ears.groups).toEqual([directory]);
      writeFileSync(events, 'populated 0\n');
      await vi.waitFor(() => expect(received).toHaveBeenCalled(), { timeout: 20_000 });
      ears.receive(new Set());
      expect(ears.groups).toEqual([]);
    } finally {
      ears.close();
      rmSync(directory, { recursive: true });
    }
  });

  /** Only if this machine allows a control group for the test. */
  const own = join(cgroupMount() ?? '/nowhere', `recovery-agent-test-${process.pid}`);
  const hasGroups = (() => {
    try {
      mkdirSync(own);
      return existsSync(join(own, 'cgroup.events'));
    } catch {
      return false;
    }
  })();

  test.skipIf(!hasGroups)('the kernel reports the death of the last process of a group', async () => {
    const child = await idle('in-a-group');
    const received = vi.fn();
    const ears = new CgroupEvents(received);
    try {
      writeFileSync(join(own, 'cgroup.procs'), String(child.pid));
      expect(cgroupOf(child.pid, cgroupMount() ?? '')).toBe(own);
      ears.receive(new Set([own]));
      const pulse = Pulse.of(child.pid);
      child.kill('SIGKILL');
      await vi.waitFor(() => expect(received).toHaveBeenCalled(), { timeout: 20_000 });
      expect(pulse?.beats()).toBe(false);
      pulse?.close();
      await vi.waitFor(() => rmdirSync(own), { timeout: 20_000 });
    } finally {
      ears.close();
    }
  });
});
