import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { CgroupEars, cgroupMount, cgroupOf } from './cgroup.ts';
import { matching, parseStat, readProcessTable, readRunning } from './process-table.ts';
import { Pulse } from './pulse.ts';

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
    expect(matching(table, name, new Set()).map(({ pid }) => pid)).toEqual([child.pid]);
    expect(table.find(({ pid }) => pid === child.pid)?.commandLine).toContain(`console.log("up") ${name}`);
    expect(table.map(({ pid }) => pid)).toContain(1);
  });

  test('this process and the commands that it runs are not counted', async () => {
    const child = await idle('counted-out');
    const table = await readProcessTable();
    const found = matching(table, 'counted-out', new Set());
    expect(matching(table, 'counted-out', new Set(found.map(({ processGroup }) => processGroup)))).toEqual([]);
    expect(matching(table, 'counted-out', new Set([child.pid]))).toEqual([]);
    expect(matching([{ pid: process.pid, processGroup: 1, commandLine: 'me' }], 'me', new Set())).toEqual([]);
  });

  test('where /proc hides the others, ps is asked', async () => {
    const child = await idle('seen-by-ps');
    const table = await readProcessTable('/nowhere');
    expect(matching(table, 'seen-by-ps', new Set()).map(({ pid }) => pid)).toEqual([child.pid]);
  });

  test('a dead process that its parent has not buried is not in it', async () => {
    // The shell becomes a sleep that never waits for the child that the shell had. The child ends only then: a shell might wait for it.
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

  test('names with blanks and parentheses are understood', () => {
    expect(parseStat('12 (a) (b c) S 1 77 8')).toEqual({ name: 'a) (b c', state: 'S', processGroup: 77 });
    expect(parseStat('')).toBeUndefined();
  });
});

describe('a pulse', () => {
  test('beats until the process is dead, and never again', async () => {
    const child = await idle('pulse');
    const pulse = Pulse.of(child.pid);
    expect(pulse?.beats()).toBe(true);
    child.kill('SIGKILL');
    await gone(child);
    expect(pulse?.beats()).toBe(false);
    pulse?.close();
    expect(pulse?.beats()).toBe(false);
  });

  test('a number that belongs to nobody has none', () => {
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

  test('a change of the events of a group is heard, and of one that is no longer listened to is not', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'cgroup-'));
    const heard = vi.fn();
    const ears = new CgroupEars(heard);
    try {
      const events = join(directory, 'cgroup.events');
      writeFileSync(events, 'populated 1\n');
      ears.hear(new Set([directory, join(directory, 'missing')]));
      expect(ears.groups).toEqual([directory]);
      writeFileSync(events, 'populated 0\n');
      await vi.waitFor(() => expect(heard).toHaveBeenCalled(), { timeout: 20_000 });
      ears.hear(new Set());
      expect(ears.groups).toEqual([]);
    } finally {
      ears.close();
      rmSync(directory, { recursive: true });
    }
  });

  /** Only where this machine lets us have a group of our own. */
  const own = join(cgroupMount() ?? '/nowhere', `recovery-agent-test-${process.pid}`);
  const hasGroups = (() => {
    try {
      mkdirSync(own);
      return existsSync(join(own, 'cgroup.events'));
    } catch {
      return false;
    }
  })();

  test.skipIf(!hasGroups)('the kernel tells of the death of the last process of a group', async () => {
    const child = await idle('in-a-group');
    const heard = vi.fn();
    const ears = new CgroupEars(heard);
    try {
      writeFileSync(join(own, 'cgroup.procs'), String(child.pid));
      expect(cgroupOf(child.pid, cgroupMount() ?? '')).toBe(own);
      ears.hear(new Set([own]));
      const pulse = Pulse.of(child.pid);
      child.kill('SIGKILL');
      await vi.waitFor(() => expect(heard).toHaveBeenCalled(), { timeout: 20_000 });
      expect(pulse?.beats()).toBe(false);
      pulse?.close();
      await vi.waitFor(() => rmdirSync(own), { timeout: 20_000 });
    } finally {
      ears.close();
    }
  });
});
