import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeTree } from '#packaging/packages/tree.ts';
import { waitUntil } from '../waiting.ts';
import { installPackages } from './install.ts';
import { CONFIG } from './installed.ts';
import { Made } from './made.ts';
import { Root } from './root.ts';
import { must, run } from './run.ts';

/** The units of systemd: what they start speaks systemd's protocol, through the real systemd-notify. */

const UNITS = ['recovery-agent-monitor.service', 'recovery-agent-monitor@.service'];
/** Replaces systemd: Node has no datagram sockets of the unix family. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound', flush=True)
while True: print(s.recv(65536).decode().replace('\\n', ' '), flush=True)
`;

/** Of a process that runs while this test does. */
const LIST = `- process_name: vitest
  start_command: /bin/false
  restart_command: /bin/false
  run_as_root: true
`;

let root: Root;
const children: ChildProcess[] = [];

beforeAll(async () => {
  await installPackages();
  root = await Root.create();
  using made = Made.create();
  writeTree(root.directory, made.description.entries, made.description.date);
  mkdirSync(root.path('run/recovery-agent'), { recursive: true });
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await root?.[Symbol.asyncDispose]();
});

const unitFile = (name: string): string => root.path(`usr/lib/systemd/system/${name}`);

describe('the units of the monitors', () => {
  it.each(UNITS)('%s is one that systemd takes', async (name) => {
    const instance = name.replace('@.', '@host.');
    const { stdout, stderr } = await run(['systemd-analyze', 'verify', unitFile(name).replace(name, instance)]);
    // The program is in the root of the test and not in that of this machine.
    const other = `${stdout}${stderr}`
      .split('\n')
      .filter((line) => line.includes('recovery-agent-monitor') && !/is not executable|man recovery-agent/.test(line));
    expect(other).toEqual([]);
  });

  it('starts monitors that notify systemd of their readiness, their watchdog and their stop', async () => {
    const [, command = ''] = /^ExecStart=(.+)$/m.exec(readFileSync(unitFile(UNITS[0] ?? ''), 'utf8')) ?? [];
    writeFileSync(root.path(CONFIG), '[monitors]\nrun = process\n[process]\nprocess_list_path = /etc/list.yaml\n');
    writeFileSync(root.path('etc/list.yaml'), LIST, { mode: 0o600 });
    const receiver = spawn('python3', ['-c', RECEIVER, root.path('run/notify')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(receiver);
    let received = '';
    receiver.stdout.setEncoding('utf8').on('data', (text: string) => {
      received += text;
    });
    const receives = (what: string): Promise<true> =>
      waitUntil({ what: `"${what}" to be sent`, seconds: 60, everyMs: 20 }, () =>
        received.includes(what) ? true : undefined,
      );
    await receives('bound');

    const mounts = `mount -t proc proc "$0/proc"; mount --bind /dev/null "$0/dev/null"; exec chroot "$0" "$@"`;
    const argv = ['--mount', '--propagation', 'private', 'sh', '-c', mounts, root.directory, ...command.split(' ')];
    const env = { PATH: '/usr/bin:/bin:/usr/sbin', NOTIFY_SOCKET: '/run/notify', WATCHDOG_USEC: '600000' };
    const program = spawn('unshare', argv, { env, stdio: ['ignore', 'inherit', 'pipe'] });
    children.push(program);
    let reported = '';
    program.stderr.setEncoding('utf8').on('data', (text: string) => {
      reported += text;
    });
    const failed = once(program, 'exit').then(([code]) =>
      Promise.reject(new Error(`it ended with ${code}: ${reported}`)),
    );
    failed.catch(() => {});
    await Promise.race([receives('READY=1 STATUS=process seeing'), failed]);
    await receives('WATCHDOG=1');
    program.kill('SIGHUP');
    await receives('RELOADING=1');
    const exited = once(program, 'exit');
    program.kill('SIGTERM');
    const [code] = await exited;
    expect({ code, said: reported }).toEqual({ code: 0, said: expect.stringContaining('monitors stopped') });
    await receives('STOPPING=1');
    expect(await must(['ls', root.path('var/lib/recovery-agent')])).toContain('outbox');
  });
});
