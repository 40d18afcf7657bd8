/** Real modules in real processes: what they are given, how they answer, and what becomes of those that misbehave. */
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type CallSettings, ModuleTask } from '#test/world/module-task.ts';
import { IgnoreRecovery, InDoubt, Interrupted, NotDone, SkipRecovery, TaskFailure } from '../../flow/outcome.ts';
import { moduleDriver } from './driver.ts';
import { callModule } from './module-process.ts';
import { MAX_LOG_LINES, PROGRESS_PACE_MS } from './wire.ts';

/** A busy machine needs seconds to start a process. */
const SLOW = { timeout: 60_000 };
const TIMEOUT = { timeout: 20_000, interval: 20 };

let place: ModuleTask;
beforeEach(() => {
  place = new ModuleTask();
});
afterEach(() => place[Symbol.dispose]());

const write = (name: string, text: string): string => place.write(name, text);
const run = (module: string, settings?: CallSettings) => moduleDriver.run(place.call(module, settings));

/** What the run of a module is refused with. */
async function failureOf(text: string, settings?: CallSettings): Promise<unknown> {
  return failure(run(write('task.mjs', text), settings));
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    (outputs) => expect.fail(`it should have failed, and gave ${JSON.stringify(outputs)}`),
    (error: unknown) => error,
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A process that was not waited for yet is dead as well.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('a module', SLOW, () => {
  it('gets the inputs of the contract, and gives outputs', async () => {
    const task = write(
      'task.mjs',
      `export function run({ signal, progress, log, notDone, inDoubt, skipRecovery, ignoreRecovery, ...data }) {
        return { data, isSignal: signal instanceof AbortSignal, aborted: signal.aborted };
      }`,
    );
    const inputs = { host_name: 'compute-1', instances: [{ name: 'vm "ü"' }] };
    expect(await run(task, { inputs, parameters: { severity: 'critical' }, resumed: true })).toEqual({
      data: {
        version: 1,
        task: 'update_inventory',
        occurrence: 1,
        phase: 'post',
        step_key: '11111111-1111-4111-8111-111111111111/update_inventory',
        attempt: 1,
        resumed: true,
        inputs,
        parameters: { severity: 'critical' },
        outputs: {},
      },
      isSignal: true,
      aborted: false,
    });
  });

  it('that does not give what it provides is in doubt as a program is; null is given', async () => {
    const text = 'export const run = () => ({ ticket: null, link: undefined });';
    const settings = { provides: ['ticket', 'link', 'owner'] };
    const error = await failureOf(text, settings);
    expect(error).toEqual(new InDoubt('its module succeeded without "link", "owner", which it provides'));
    expect(await run(write('task.mjs', text), { provides: ['ticket'] })).toEqual({ ticket: null });
    const check = write('check.mjs', 'export const check = () => ({ state: "done", outputs: { ticket: 1 } });');
    expect(await moduleDriver.check?.(place.call(check, { provides: ['ticket', 'link'] }))).toEqual({
      state: 'unknown',
      reason: 'its module reports that it was done, but not "link"',
    });
  });

  it.each([
    ['task.mjs', 'export const run = async () => ({ by: "esm" });', 'esm'],
    ['task.js', 'export const run = async () => ({ by: "detected" });', 'detected'],
    ['task.js', 'exports.run = () => ({ by: "commonjs" });', 'commonjs'],
    [
      'task.ts',
      'interface O { by: string }\nexport const run = async (): Promise<O> => ({ by: "ts" as const });',
      'ts',
    ],
    [
      'task.mts',
      'export const run = (call: { readonly task: string }) => ({ by: "mts " + call.task });',
      'mts update_inventory',
    ],
  ])('can be %s: %s', async (name, text, by) => {
    expect(await run(write(name, text))).toEqual({ by });
    expect(place.logged).toEqual([]);
  });

  it('can import files beside it, TypeScript and JSON too, and packages in a folder of its own', async () => {
    mkdirSync(join(place.directory, 'node_modules', 'lib'), { recursive: true });
    write('node_modules/lib/package.json', '{"name":"lib","type":"module","exports":"./lib.js"}');
    write('node_modules/lib/lib.js', 'export const lib = "lib";');
    write('part.ts', 'export const part: string = "part";');
    write('data.json', '{"data":1}');
    write('common.cjs', 'module.exports = { common: require("./data.json").data + 1 };');
    const task = write(
      'task.ts',
      `import { part } from './part.ts';
       import { lib } from 'lib';
       import data from './data.json' with { type: 'json' };
       import common from './common.cjs';
       export const run = async () => ({ part, lib, ...data, ...common, late: (await import('./part.ts')).part });`,
    );
    expect(await run(task)).toEqual({ part: 'part', lib: 'lib', data: 1, common: 2, late: 'part' });
  });

  it('may give nothing', async () => {
    expect(await run(write('task.mjs', 'export async function run() {}'))).toEqual({});
  });

  it('reports progress and log; what it prints is log too', async () => {
    const task = write(
      'task.mjs',
      `export async function run(call) {
        call.progress('Reading\\n the inventory', 0.25);
        call.log('warning', 'slow today');
        call.log('shout', 'no such level');
        console.log('printed');
        console.error('complained');
        process.stdout.write('no end of line');
        return {};
      }`,
    );
    await run(task);
    expect(place.progress).toEqual([{ message: 'Reading the inventory', fraction: 0.25 }]);
    expect(place.logged.toSorted()).toEqual([
      'info no end of line stdout',
      'info no such level',
      'info printed stdout',
      'warning complained stderr',
      'warning slow today',
    ]);
  });

  it('sees nothing of the engine: no arguments, no variables but PATH and LANG', async () => {
    vi.stubEnv('OS_PASSWORD', 'tops3cret');
    try {
      const task = write(
        'task.mjs',
        'export const run = () => ({ argv: process.argv.slice(2), env: Object.keys(process.env).sort(), cwd: process.cwd() });',
      );
      expect(await run(task)).toEqual({ argv: [], env: ['LANG', 'PATH'], cwd: '/' });
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('is called only by an engine that still has the lease', async () => {
    const mark = join(place.directory, 'mark');
    const task = write(
      'task.mjs',
      `import { writeFileSync } from 'node:fs';\nwriteFileSync('${mark}', '');\nexport const run = () => {};`,
    );
    const lost = new Interrupted('the lease is lost');
    const guard = { isFresh: () => false, confirm: () => Promise.reject(lost) };
    expect(await failure(run(task, { guard }))).toBe(lost);
    expect(existsSync(mark)).toBe(false);
    const confirm = vi.fn(async () => {});
    await run(task, { guard: { isFresh: () => false, confirm } });
    expect([confirm.mock.calls.length, existsSync(mark)]).toEqual([1, true]);
  });
});

describe('a module reports how it failed', SLOW, () => {
  it.each([
    ['throw new Error("no route")', TaskFailure, 'no route'],
    ['throw "just words"', TaskFailure, 'just words'],
    ['throw undefined', TaskFailure, 'undefined'],
    ['throw call.notDone("the inventory is closed")', NotDone, 'the inventory is closed'],
    ['throw call.inDoubt("no answer came")', InDoubt, 'no answer came'],
    ['throw call.skipRecovery("nothing to do")', SkipRecovery, 'nothing to do'],
    ['throw call.ignoreRecovery("a test host")', IgnoreRecovery, 'a test host'],
    ['throw { toString() { throw 1; } }', TaskFailure, 'something that has no text'],
    ['throw new Error("x".repeat(1e6))', TaskFailure, `${'x'.repeat(999)}…`],
  ])('%s', async (statement, kind, message) => {
    const error = await failureOf(`export async function run(call) { ${statement}; }`);
    expect(error).toBeInstanceOf(kind);
    expect((error as Error).message).toBe(message);
    expect(error instanceof InDoubt).toBe(kind === InDoubt);
    expect(error instanceof NotDone).toBe(kind === NotDone);
  });

  it.each([
    ['that is not there', 'none.mjs', undefined, /none\.mjs does not exist$/],
    ['that is no JavaScript', 'task.mjs', 'export functoin run() {}', /cannot be loaded: /],
    [
      'whose import is missing',
      'task.mjs',
      'import "./part.mjs"; export const run = () => {};',
      /cannot be loaded: .*part\.mjs/,
    ],
    [
      'that fails while it loads',
      'task.mjs',
      'throw new Error("no licence"); export const run = 1;',
      /cannot be loaded: line 1: no licence/,
    ],
    ['without the function', 'task.mjs', 'export const ran = () => {};', /exports no function "run"/],
    [
      'with syntax that cannot be erased',
      'task.ts',
      'enum A { B }\nexport const run = () => A.B;',
      /cannot be loaded: .*enum/,
    ],
    [
      'with an addon',
      'task.mjs',
      'process.dlopen({ exports: {} }, "/x.node"); export const run = () => {};',
      /cannot be loaded: .*addon/,
    ],
  ])('a module %s was not done', async (_, name, text, message) => {
    if (text !== undefined) write(name, text);
    const error = await failure(run(join(place.directory, name)));
    expect(error).toBeInstanceOf(NotDone);
    expect((error as Error).message).toMatch(message);
  });
});

describe('a file that others can write', SLOW, () => {
  it('is not loaded as module', async () => {
    const task = write('task.mjs', 'export const run = () => {};');
    for (const mode of [0o666, 0o664]) {
      chmodSync(task, mode);
      const error = await failure(run(task));
      expect(error).toBeInstanceOf(NotDone);
      expect((error as Error).message).toMatch(/others than the owner can write to .*task\.mjs/);
    }
  });

  it.each([
    ['import', 'task.mjs', 'import "./part.mjs"; export const run = () => {};'],
    ['import()', 'task.mjs', 'await import("./part.mjs"); export const run = () => {};'],
    ['require()', 'task.js', 'require("./part.mjs"); exports.run = () => {};'],
  ])('is not loaded by %s', async (_, name, text) => {
    const mark = join(place.directory, 'mark');
    chmodSync(write('part.mjs', `import { writeFileSync } from 'node:fs';\nwriteFileSync('${mark}', '');`), 0o666);
    const error = await failure(run(write(name, text)));
    expect(error).toBeInstanceOf(NotDone);
    expect((error as Error).message).toMatch(/others than the owner can write to .*part\.mjs/);
    expect(existsSync(mark)).toBe(false);
  });
});

describe('a module that misbehaves', SLOW, () => {
  it.each([
    ['exits', 'process.exit(0)', /ended without a response \(exit code 0\)/],
    [
      'exits with a code',
      'setImmediate(() => process.exit(7)); await new Promise(() => setInterval(() => {}, 1000))',
      /exit code 7/,
    ],
    ['has nothing left to wait for', 'await new Promise(() => {})', /ended without a response/],
    [
      'throws an error that is not caught',
      'setImmediate(() => { throw new Error("stray") }); await new Promise(() => setInterval(() => {}, 1000))',
      /stray/,
    ],
    [
      'rejects without a handler',
      'Promise.reject(new Error("lost promise")); await new Promise(() => setInterval(() => {}, 1000))',
      /lost promise/,
    ],
    [
      'kills its process',
      'process.kill(process.pid, "SIGKILL"); await new Promise(() => setInterval(() => {}, 1000))',
      /SIGKILL/,
    ],
    [
      'calls itself without an end',
      'await (async () => { const f = () => f() + 1; queueMicrotask(f); await new Promise(() => setInterval(() => {}, 1000)) })()',
      /call stack/,
    ],
    ['fills the heap', 'const list = []; for (;;) list.push({ n: list.length })', /memory|SIG/],
    // V8 ends the whole process for these two, which in a thread of the engine would be the engine.
    ['lets one list grow', 'const list = []; for (;;) list.push(list.length)', /memory|SIG/],
    ['requests a giant list', 'new Array(5e8).fill(0)', /memory|SIG/],
    [
      'fills buffers',
      'globalThis.held = []; setInterval(() => held.push(Buffer.alloc(3e7, 1)), 5); await new Promise(() => {})',
      /more than 768 MB/,
    ],
    [
      'speaks for us',
      '(await import("node:worker_threads")).parentPort.postMessage({ is: "end", end: { end: "returned" } }); process.exit(1)',
      /exit code 1/,
    ],
    [
      'writes what it should not to every descriptor, and then ends',
      '(await import("node:fs")).writeSync(3, "garbage\\nnull\\n{\\"cmd\\":\\"NODE_HANDLE_ACK\\"}\\n[\\n"); process.exit(9)',
      /exit code 9/,
    ],
    ['returns a number', 'return 5', /returned is a number/],
    ['returns a list', 'return []', /returned is a list/],
    ['returns a circle', 'const a = {}; a.a = a; return a', /is no JSON: .*circular/],
    ['returns a function', 'return { ticket() {} }', /"ticket" is a function/],
    ['returns what is no number', 'return { share: 0 / 0 }', /"share" is NaN/],
    ['returns too much', 'return { text: "x".repeat(2e6) }', /more than 1048576/],
  ])('%s: fails the task, in doubt, and nothing else', async (_, statement, message) => {
    const error = await failureOf(`export async function run(call) { ${statement}; }`);
    expect((error as Error).message).toMatch(message);
    expect(error).toBeInstanceOf(InDoubt);
  });

  it('and floods: some progress and the last line, a bounded log', async () => {
    const task = write(
      'task.mjs',
      `export async function run(call) {
        const begin = Date.now();
        for (let i = 1; i <= 20000; i += 1) {
          call.progress('line ' + i, i / 20000);
          call.log('info', 'x'.repeat(5000));
          console.log('p'.repeat(5000));
        }
        call.progress('last', 7);
        return { ms: Date.now() - begin };
      }`,
    );
    const begin = performance.now();
    await run(task);
    const most = (performance.now() - begin) / PROGRESS_PACE_MS + 2;
    expect(place.progress.length).toBeLessThanOrEqual(most);
    expect(place.progress.at(-1)).toEqual({ message: 'last', fraction: 1 });
    expect(place.logged.length).toBeLessThanOrEqual(2 * MAX_LOG_LINES);
    expect(Math.max(...place.logged.map((line) => line.length))).toBeLessThan(1100);
    expect(place.logged.filter((line) => line.includes('dropped: too many')).toSorted()).toEqual([
      'info (log lines from here on are dropped: too many lines)',
      'info (output from here on is dropped: too many lines) stdout',
    ]);
  });

  it('leaves no program behind', async () => {
    const task = write(
      'task.mjs',
      `import { spawn } from 'node:child_process';
       export const run = () => ({ pid: spawn('sleep', ['600'], { stdio: 'inherit' }).pid });`,
    );
    const { pid } = await run(task);
    await vi.waitFor(() => expect(isAlive(Number(pid))).toBe(false), TIMEOUT);
  });
});

describe('the signal', SLOW, () => {
  /** Aborts when the module reports "started". */
  function abortWhenStarted(reason: Error): AbortSignal {
    const controller = new AbortController();
    place.whenItPrints((message) => {
      if (message === 'started') controller.abort(reason);
    });
    return controller.signal;
  }

  it('lets a module end by itself, and its result counts', async () => {
    const module = (end: string) =>
      write(
        'task.mjs',
        `export async function run(call) {
          call.progress('started');
          const timer = setInterval(() => {}, 1000);
          await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
          clearInterval(timer);
          ${end}
        }`,
      );
    const stop = new Interrupted('the engine stops');
    expect(await run(module('return { why: call.signal.reason.message }'), { signal: abortWhenStarted(stop) })).toEqual(
      {
        why: 'the engine stops',
      },
    );
    const error = await failure(
      run(module('throw call.notDone("stopped in time")'), { signal: abortWhenStarted(stop) }),
    );
    expect(error).toBeInstanceOf(NotDone);
  });

  it.each([
    ['never yields', 'for (;;) {}'],
    ['is lost in a regular expression', '/^(a+)+$/.test("a".repeat(60) + "b")'],
    ['sleeps in the kernel', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)'],
    ['does not listen', 'await new Promise(() => setInterval(() => {}, 1000))'],
  ])('ends one that %s after a grace, and what it started', async (_, statement) => {
    const task = write(
      'task.mjs',
      `import { spawn } from 'node:child_process';
       export async function run(call) {
         const { pid } = spawn('sleep', ['600'], { stdio: 'inherit' });
         call.log('info', 'pid ' + process.pid + ' ' + pid);
         call.progress('started');
         ${statement};
       }`,
    );
    const signal = abortWhenStarted(new TaskFailure('timed out after 1 s'));
    const { context } = place.call(task, { signal });
    const { task: name, occurrence, phase, stepKey, attempt, inputs, parameters } = place.call(task);
    const call = {
      version: 1,
      task: name,
      occurrence,
      phase,
      step_key: stepKey,
      attempt,
      resumed: false,
      inputs,
      parameters,
      outputs: {},
    } as const;
    const end = await callModule(
      { function: 'run', module: task, call },
      { ...context, progress: context.progress, graceMs: 200 },
    );
    expect(end).toEqual({ end: 'lost', message: 'it did not end within 0.2 s after the request to stop' });
    const [, own, started] = /pid (\d+) (\d+)/.exec(place.logged.join('\n')) ?? [];
    await vi.waitFor(() => expect([isAlive(Number(own)), isAlive(Number(started))]).toEqual([false, false]), TIMEOUT);
  });

  it('that was aborted before calls nothing', async () => {
    const error = await failureOf('export const run = () => {};', {
      signal: AbortSignal.abort(new TaskFailure('too late')),
    });
    expect(error).toBeInstanceOf(NotDone);
  });
});

describe('check and undo', SLOW, () => {
  it.each([
    ['{ state: "done", outputs: { ticket: 7 } }', { state: 'done', outputs: { ticket: 7 } }],
    ['{ state: "done" }', { state: 'done', outputs: {} }],
    ['{ state: "not done" }', { state: 'not done' }],
    ['{ state: "unknown", reason: "no record" }', { state: 'unknown', reason: 'no record' }],
  ])('check can answer %s', async (answer, decision) => {
    const task = write('task.mjs', `export const run = () => {};\nexport const check = async () => (${answer});`);
    expect(await moduleDriver.check?.(place.call(task))).toEqual(decision);
  });

  it.each([
    ['({ state: "perhaps" })', /its check returned neither/],
    ['({ state: "done", outputs: [] })', /its check returned neither/],
    ['{}', /its check returned neither/],
    ['{ throw new Error("no route"); }', /no route/],
    ['{ process.exit(0); }', /its check failed: it ended without a response/],
  ])('a check that gives %s has decided nothing', async (body, message) => {
    const task = write('task.mjs', `export const run = () => {};\nexport const check = () => ${body};`);
    const error = await failure(moduleDriver.check?.(place.call(task)) ?? Promise.resolve());
    expect(error).toBeInstanceOf(TaskFailure);
    expect(error).not.toBeInstanceOf(InDoubt);
    expect((error as Error).message).toMatch(message);
  });

  it('a check or undo that is missing is a failure with that reason', async () => {
    const task = write('task.mjs', 'export const run = () => {};');
    for (const name of ['check', 'undo'] as const) {
      const error = await failure(moduleDriver[name]?.(place.call(task)) ?? Promise.resolve());
      expect((error as Error).message).toMatch(`exports no function "${name}"`);
    }
  });

  it('undo is given what run gave', async () => {
    const task = write(
      'task.mjs',
      'export const run = () => {};\nexport const undo = (call) => call.progress(call.outputs.ticket);',
    );
    await moduleDriver.undo?.({ ...place.call(task), outputs: { ticket: 'T-1' } });
    expect(place.progress[0]?.message).toBe('T-1');
  });

  it('undo undoes, with the same call', async () => {
    const task = write(
      'task.mjs',
      'export const run = () => {};\nexport const undo = (call) => call.progress("undone " + call.step_key);',
    );
    await moduleDriver.undo?.(place.call(task));
    expect(place.progress[0]?.message).toBe('undone 11111111-1111-4111-8111-111111111111/update_inventory');
  });
});
