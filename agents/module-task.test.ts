/**
 * Tasks that are modules, in a real engine: checked before, observed while they run, and the effect of a crash of the module or the engine.
 */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { NotificationView, RecoveryView } from '#protocol/views.ts';
import { EngineWorld, type Program } from '#test/world/engine-world.ts';

const TIMEOUT = { timeout: 30_000, interval: 50 };
const DOWN = ['--hostname', 'c1', '--event', 'STOPPED', '--host-status', 'NORMAL'];

const AFTER_EVACUATION = `pre:['disable_compute_service_task'],
  main:['prepare_HA_enabled_instances_task'], post:['evacuate_instances_task', 'own_task']`;

interface Scene {
  readonly here: EngineWorld;
  readonly module: string;
  /** Lines that the module wrote. */
  lines(): string[];
}

/** A world whose host recovery has the module in it. In it `note(text)` writes a line that `lines` finds. */
async function sceneOf(text: string, options: string, lists = AFTER_EVACUATION): Promise<Scene> {
  const here = await EngineWorld.start();
  const module = join(here.directory, 'task.mjs');
  const file = join(here.directory, 'lines');
  const note = `import { appendFileSync } from 'node:fs';
const note = (...words) => appendFileSync(${JSON.stringify(file)}, words.join(' ') + '\\n');
const forever = () => new Promise(() => setInterval(() => {}, 1000));\n`;
  writeFileSync(module, note + text, { mode: 0o644 });
  const sections = `[taskflow_driver_recovery_flows]
host_auto_failure_recovery_tasks = ${lists}
[own_task]
driver = module
module = ${module}
provides = ticket
${options}
`;
  writeFileSync(here.configFile, readFileSync(here.configFile, 'utf8') + sections);
  const lines = (): string[] => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []);
  return { here, module, lines };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie that its parent has not reaped yet also counts as dead.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Starts the recovery of c1. */
async function begin(here: EngineWorld): Promise<string> {
  here.world.kill('c1');
  const { notification_uuid } = await here.json<NotificationView>('notify', ...DOWN);
  return notification_uuid;
}

async function ended(here: EngineWorld, engine: Program, status: string): Promise<RecoveryView> {
  await engine.untilLogged(`recovery ends ${status}`);
  const [{ notification_uuid } = { notification_uuid: '' }] = await here.json<NotificationView[]>('list');
  return here.json<RecoveryView>('show', notification_uuid);
}

const stateOf = ({ flows }: RecoveryView) => flows.at(-1)?.tasks.find(({ name }) => name === 'own_task');

describe('a module in the task lists', { timeout: 120_000 }, () => {
  it('that is not there, or that others can write, is found by validate; an engine starts all the same and warns', async () => {
    const { here, module } = await sceneOf('export const run = () => ({ ticket: 1 });', '');
    await using _ = here;
    expect(await here.run(['validate'])).toMatchObject({ code: 0 });
    chmodSync(module, 0o666);
    const { code, stdout } = await here.run(['validate']);
    expect([code, stdout]).toEqual([1, expect.stringMatching(/own_task.*others than the owner can write/)]);
    const engine = await here.engine();
    expect(engine.stderr).toMatch(/warning.*own_task.*others than the owner can write/);
    await begin(here);
    const view = await ended(here, engine, 'error');
    expect(stateOf(view)).toMatchObject({ state: 'FAILURE', error: expect.stringContaining('chmod go-w') });
  });

  it.each([
    ['does not parse', 'export const run = (;\n', '', /cannot be used: .*task\.mjs cannot be loaded: line \d+: /],
    [
      'imports what is not there',
      "import './none.mjs';\nexport const run = () => {};",
      '',
      /Cannot find module .*none\.mjs/,
    ],
    ['exports no run', 'export const ran = () => {};', '', /the module of task "own_task" exports no function "run"/],
    [
      'exports no undo',
      'export const run = () => {};',
      'undo = yes',
      /exports no function "undo", which undo = true requires/,
    ],
    [
      'exports no check',
      'export const run = () => {};',
      'after_crash = check',
      /exports no function "check", which after_crash = check requires/,
    ],
  ])('that %s is found by validate, at the option', async (_, text, options, message) => {
    const { here } = await sceneOf(text, options);
    await using _here = here;
    const { code, stdout } = await here.run(['validate', '-q']);
    expect(code).toBe(1);
    const lines = readFileSync(here.configFile, 'utf8').split('\n');
    const line = lines.findIndex((each) => each.startsWith('module = ')) + 1;
    expect(stdout).toMatch(message);
    expect(stdout.split('\n')[0]).toMatch(`${here.configFile}:${line}:10: `);
  });

  it('is run with the same key by the engine after one that was killed, and nothing of the first run is left', async () => {
    const { here, lines } = await sceneOf(
      `import { spawn } from 'node:child_process';
       export async function run(call) {
         note(call.step_key, call.resumed, process.pid, spawn('sleep', ['600']).pid);
         if (call.resumed) return { ticket: 7 };
         for (;;) {}
       }`,
      'after_crash = idempotent',
    );
    await using _ = here;
    const first = await here.engine();
    const uuid = await begin(here);
    await vi.waitFor(() => expect(lines()).toHaveLength(1), TIMEOUT);
    await first.kill('SIGKILL');
    const [key, resumed, ...pids] = lines()[0]?.split(' ') ?? [];
    expect([key, resumed]).toEqual([`${uuid}/own_task`, 'false']);
    await vi.waitFor(() => expect(pids.filter((pid) => isAlive(Number(pid)))).toEqual([]), TIMEOUT);
    const second = await here.engine(['--node', 'controller-2']);
    const view = await ended(here, second, 'finished');
    expect(stateOf(view)).toMatchObject({ state: 'SUCCESS' });
    expect(lines()[1]).toMatch(`${key} true`);
  });

  it('that is done once is in doubt after the death, and is not run again', async () => {
    const { here, lines } = await sceneOf('export const run = async () => { note("run"); await forever(); };', '');
    await using _ = here;
    const first = await here.engine();
    await begin(here);
    await vi.waitFor(() => expect(lines()).toEqual(['run']), TIMEOUT);
    await first.kill('SIGKILL');
    const second = await here.engine(['--node', 'controller-2']);
    const view = await ended(here, second, 'failed');
    expect(stateOf(view)?.error).toContain('its outcome is unknown');
    expect(lines()).toEqual(['run']);
  });

  it.each([
    ['done', '{ state: "done", outputs: { ticket: 9 } }', 'finished', ['run 1', 'check']],
    ['not done', '{ state: "not done" }', 'finished', ['run 1', 'check', 'run 2']],
    ['unknown', '{ state: "unknown", reason: "no record" }', 'failed', ['run 1', 'check']],
  ])('whose response was lost is checked before it is retried: %s', async (_, state, status, reported) => {
    const { here, lines } = await sceneOf(
      `export function run(call) {
         note('run', call.attempt);
         if (call.attempt === 1) process.exit(3);
         return { ticket: 9 };
       }
       export function check(call) { note('check'); return ${state}; }`,
      'after_crash = check\nretries = 1\nretry_delay = 0.1',
    );
    await using _here = here;
    const engine = await here.engine();
    await begin(here);
    await ended(here, engine, status);
    expect(lines()).toEqual(reported);
  });

  it('whose response was lost is checked in the next round too', async () => {
    const { here, lines } = await sceneOf(
      `export function run() { note('run'); process.exit(3); }
       export function check() { note('check'); return { state: 'done', outputs: { ticket: 5 } }; }`,
      'after_crash = check',
      // A second round has nothing to evacuate, and would end before its post tasks.
      "main:['own_task']",
    );
    await using _ = here;
    const engine = await here.engine();
    const uuid = await begin(here);
    await engine.untilLogged('recovery ends error');
    expect(await here.run(['retry', uuid])).toMatchObject({ code: 0 });
    await ended(here, engine, 'finished');
    expect(lines()).toEqual(['run', 'check']);
  });

  it.each([
    ['--done', ['run', 'check']],
    ['--not-done', ['run', 'check', 'run']],
  ])('whose check does not know is left to the operator: %s', async (word, reported) => {
    const { here, lines } = await sceneOf(
      `export function run(call) { note('run'); if (call.attempt === 1) process.exit(3); }
       export function check() { note('check'); return { state: 'unknown', reason: 'no record' }; }`,
      'after_crash = check\nretries = 1\nretry_delay = 0.1',
      "main:['own_task']",
    );
    await using _ = here;
    const engine = await here.engine();
    const uuid = await begin(here);
    await engine.untilLogged('recovery ends failed');
    expect((await here.run(['retry', uuid])).stderr).toContain('--done own_task or --not-done own_task');
    expect(await here.run(['retry', uuid, word, 'own_task'])).toMatchObject({ code: 0 });
    await vi.waitFor(() => expect(engine.stderr.match(/flow begins/g)).toHaveLength(2), TIMEOUT);
    await vi.waitFor(() => expect(engine.stderr.match(/recovery ends/g)?.length).toBeGreaterThan(1), TIMEOUT);
    expect(lines().slice(0, reported.length)).toEqual(reported);
    expect(lines().filter((line) => line === 'run')).toHaveLength(reported.filter((line) => line === 'run').length);
  });

  it('that never yields does not delay the stop of an engine', async () => {
    const { here, lines } = await sceneOf('export const run = () => { note(process.pid); for (;;) {} };', '');
    await using _ = here;
    const engine = await here.engine();
    await begin(here);
    await vi.waitFor(() => expect(lines()).toHaveLength(1), TIMEOUT);
    expect((await engine.kill('SIGTERM')).code).toBe(0);
    expect(isAlive(Number(lines()[0]))).toBe(false);
  });

  it('that V8 cannot hold fails its task; the engine continues, and the flow follows its policy', async () => {
    const { here } = await sceneOf(
      'export const run = () => { const list = []; for (;;) list.push(list.length); };',
      'on_failure = continue',
    );
    await using _ = here;
    const engine = await here.engine();
    await begin(here);
    const view = await ended(here, engine, 'finished');
    expect(stateOf(view)).toMatchObject({
      state: 'FAILURE',
      error: expect.stringMatching(/without a response|memory/),
    });
    expect(engine.hasEnded).toBe(false);
  });
});
