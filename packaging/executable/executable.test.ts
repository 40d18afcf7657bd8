/** The executable itself, built here: the same bytes twice, in any folder, unaffected by variables that could change it. */
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WorldServer } from '#engine/cloud/simulated/server.ts';
import { CALM, World } from '#engine/cloud/simulated/world.ts';
import { Program } from '#test/world/engine-world.ts';
import { catches } from '#test/world/signals.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = join(ROOT, 'dist/recovery-agent');
const UNPRIVILEGED = 65534;
const isRoot = process.getuid?.() === 0;

let directory: string;
/** Outside the checkout, which other users cannot enter. */
let copy: string;
let agent: string;

function build(): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'packaging/executable/build.ts')], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return /sha256 ([0-9a-f]{64})/.exec(stdout)?.[1] ?? '';
}

/** What this machine is configured to has no part in it. */
const NOWHERE = { RECOVERY_AGENT_ROOT: process.env.RECOVERY_AGENT_ROOT ?? '' };

function run(argv: readonly string[], environment: Record<string, string> = {}, uid?: number) {
  return spawnSync(copy, argv, {
    encoding: 'utf8',
    env: { ...NOWHERE, ...environment },
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
}

/** Runs it, by its name under resource.d for an action of the agent, without blocking this process, which serves the cloud. */
function act(file: string, argv: readonly string[], environment: Record<string, string>) {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    const child = execFile(file, argv, { env: { ...NOWHERE, ...environment }, cwd: '/' }, (_, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr });
    });
  });
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-executable-'));
  chmodSync(directory, 0o755);
  copy = join(directory, 'recovery-agent');
  agent = join(directory, 'resource.d', 'recovery-agent');
  mkdirSync(join(directory, 'resource.d'));
  symlinkSync(copy, agent);
}, 60_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('the executable', { timeout: 120_000 }, () => {
  it('is the same bytes when it is built again', () => {
    const first = build();
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(build()).toBe(first);
    copyFileSync(PROGRAM, copy);
  });

  it('prints its version, commit, Node and SQLite', () => {
    const { stdout } = run(['--version']);
    expect(stdout).toMatch(/^recovery-agent \d+\.\d+\.\d+ \(commit \w+, Node v24\.\d+\.\d+, SQLite 3\.\d+\.\d+\)\n$/);
  });

  it('takes all its code caches', () => {
    for (const command of [
      'status',
      'list',
      'show',
      'validate',
      'simulate',
      'retry',
      'host',
      'audit',
      'notify',
      'engine',
      'monitor',
      'key',
    ]) {
      const { stderr } = run([command, '--help'], { RECOVERY_AGENT_DEBUG_PARTS: '1' });
      expect(stderr).toBe('');
    }
  });

  it.skipIf(!isRoot)(
    `works as an unprivileged user, without a home and a terminal${isRoot ? '' : ' (not run: needs root)'}`,
    () => {
      expect(run(['--version'], {}, UNPRIVILEGED).status).toBe(0);
      expect(run(['meta-data'], {}, UNPRIVILEGED).stdout).toContain('<resource-agent name="recovery-agent"');
      const status = run(
        ['status', '--socket', '/nonexistent/e.sock', '--journal', '/nonexistent/j.db'],
        {},
        UNPRIVILEGED,
      );
      expect([status.status, status.stderr]).toEqual([3, expect.stringContaining('no engine runs there')]);
    },
  );

  it('ignores NODE_OPTIONS and similar variables', () => {
    const evil = join(directory, 'evil.cjs');
    writeFileSync(evil, 'process.stdout.write("EVIL");process.exit(99)');
    const { status, stdout } = run(['--version'], {
      NODE_OPTIONS: `--require ${evil}`,
      NODE_PATH: directory,
    });
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^recovery-agent/)]);
  });

  it('runs an engine with its journal, thread and addon, and monitors it as the resource agent', async () => {
    const world = new World({ now: () => Date.now() }, 1, CALM);
    await using _cloud = await WorldServer.start(world, join(directory, 'cloud.sock'));
    const config = join(directory, 'engine.conf');
    writeFileSync(config, `[cloud]\ndriver = simulated\nsimulated_address = ${join(directory, 'cloud.sock')}\n`, {
      mode: 0o600,
    });
    const parameters = {
      OCF_RESKEY_config: config,
      OCF_RESKEY_journal: join(directory, 'journal.db'),
      OCF_RESKEY_socket: join(directory, 'engine.sock'),
      OCF_RESKEY_pidfile: join(directory, 'engine.pid'),
      OCF_RESKEY_logfile: join(directory, 'engine.log'),
    };
    const does = (action: string, more: Record<string, string> = {}) =>
      act(agent, [action], { ...parameters, ...more });
    try {
      expect((await does('monitor')).code).toBe(7);
      expect((await does('validate-all')).code).toBe(0);
      expect(await does('start')).toMatchObject({ code: 0 });
      expect((await does('start')).code).toBe(0);
      expect((await does('monitor')).code).toBe(0);
      expect((await does('monitor', { OCF_CHECK_LEVEL: '10' })).code).toBe(0);
      expect((await does('reload-agent', { OCF_RESKEY_log_level: 'debug' })).code).toBe(0);
      const status = await act(copy, ['status', '--json', '--socket', parameters.OCF_RESKEY_socket], {});
      expect(JSON.parse(status.stdout)).toMatchObject({ source: 'engine', engine: { state: 'running' } });
    } finally {
      expect((await does('stop')).code).toBe(0);
    }
    expect((await does('stop')).code).toBe(0);
    expect((await does('monitor')).code).toBe(7);
  });

  it('runs a task that is a TypeScript module on the disk, with what it imports', async () => {
    const here = join(directory, 'modules');
    mkdirSync(here);
    writeFileSync(join(here, 'part.ts'), "export const part: string = 'beside it';\n");
    const module = join(here, 'task.mts');
    writeFileSync(
      module,
      `import { createHash } from 'node:crypto';
       import { part } from './part.ts';
       interface Call { readonly inputs: { readonly host_name: string }; progress(message: string): void }
       export async function run(call: Call): Promise<{ readonly digest: string }> {
         const late = (await import('./part.ts')).part;
         call.progress(\`module for \${call.inputs.host_name}, \${part}, \${late}\`);
         return { digest: createHash('sha256').update(part).digest('hex') };
       }`,
    );
    const world = new World({ now: () => Date.now() }, 1, CALM);
    for (const host of ['c1', 'c2']) world.addHost(host);
    await using _cloud = await WorldServer.start(world, join(here, 'cloud.sock'));
    const config = join(here, 'engine.conf');
    writeFileSync(
      config,
      `[journal]\npath = ${join(here, 'journal.db')}
[engine]\nsocket = ${join(here, 'engine.sock')}
[cloud]\ndriver = simulated\nsimulated_address = ${join(here, 'cloud.sock')}
[taskflow_driver_recovery_flows]
host_auto_failure_recovery_tasks = pre:[],main:['own_task'],post:[]
[own_task]\ndriver = module\nmodule = ${module}\nprovides = digest\n`,
    );
    const engine = new Program(['engine', '--config', config], {}, copy);
    try {
      await engine.untilLogged('engine serves');
      expect([catches(engine.pid, 'SIGTERM'), catches(engine.pid, 'SIGUSR1')]).toEqual([true, false]);
      world.kill('c1');
      const down = ['--hostname', 'c1', '--event', 'STOPPED', '--host-status', 'NORMAL'];
      const waited = await act(copy, ['notify', '--config', config, ...down, '--wait'], {});
      expect(waited).toMatchObject({ code: 0, stdout: expect.stringContaining('module for c1, beside it, beside it') });
    } finally {
      await engine.kill('SIGTERM');
    }
  });

  it('is the process of a module only for an engine', () => {
    const { status, stderr } = run(['task-module', '/etc/passwd']);
    expect([status, stderr]).toEqual([2, expect.stringContaining('recovery-agent starts this itself')]);
  });

  it.each([
    ['the storage is not there', { OCF_RESKEY_journal: '/nonexistent/journal.db' }, 'start', 5],
    ['the configuration is not there', { OCF_RESKEY_config: '/nonexistent/a.conf' }, 'start', 5],
    ['a parameter is no path', { OCF_RESKEY_socket: 'engine.sock' }, 'start', 6],
    ['a word is not allowed', { OCF_RESKEY_log_level: 'loud' }, 'validate-all', 6],
    ['the action is unknown', {}, 'promote', 3],
  ])('returns the code of OCF when %s', async (_, environment, action, code) => {
    const ended = await act(agent, [action], environment);
    expect(ended.code).toBe(code);
    expect(ended.stderr).not.toBe('');
  });
});
