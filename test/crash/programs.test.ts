/** Real engines, killed and stopped during a program that is a task. */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { endAll, withStepKey } from '#engine/task-drivers/executable/processes.ts';
import type { NotificationView, RecoveryView } from '#protocol/views.ts';
import { EngineWorld } from '#test/world/engine-world.ts';
import { isAlive, ProgramBench, until } from '#test/world/program-bench.ts';

/** Upper bound of a recovery: the machine may be busy. */
const LIMIT_MS = 40_000;

/** Each of its runs records its input, and its number; the first one runs until it is ended. */
const HANGING = `
  cat > $HERE/input.$$
  call=$(sed 's/.*"call":"\\([a-z]*\\)".*/\\1/' $HERE/input.$$)
  echo "$call" >> $HERE/calls
  if [ $call = check ]; then exit $(cat $HERE/check); fi
  if mkdir $HERE/first 2> /dev/null; then
    trap 'exit $(cat $HERE/word)' TERM
    sleep 1000 & echo $$ > $HERE/pid
    wait
  fi
  cp $HERE/input.$$ $HERE/second`;

interface Scene extends AsyncDisposable {
  readonly here: EngineWorld;
  readonly bench: ProgramBench;
  readonly program: string;
  /** Begins a recovery and resolves when its program runs. */
  begin(): Promise<{ readonly uuid: string; readonly pid: number }>;
  /** Waits until the recovery has ended, in any state. */
  end(uuid: string): Promise<RecoveryView>;
  calls(): string[];
}

async function scene(task: string, body = HANGING, engine = ''): Promise<Scene> {
  const bench = new ProgramBench();
  const program = bench.script(body);
  const configuration = `
[taskflow_driver_recovery_flows]
host_auto_failure_recovery_tasks = main:['hanging']
[hanging]
driver = executable
command = ${program} {{ host_name }}
${task}`;
  const here = await EngineWorld.start({ configuration, engine });
  const started: string[] = [];
  const show = async (uuid: string): Promise<RecoveryView> => {
    using client = await here.connect();
    return (await client.call('show', { uuid })) as RecoveryView;
  };
  return {
    here,
    bench,
    program,
    async begin() {
      const failed = ['--hostname', 'c1', '--event', 'STOPPED', '--host-status', 'NORMAL'];
      const { notification_uuid: uuid } = await here.json<NotificationView>('notify', ...failed);
      started.push(uuid);
      return { uuid, pid: Number(await bench.written('pid')) };
    },
    async end(uuid) {
      const deadline = performance.now() + LIMIT_MS;
      for (;;) {
        const view = await show(uuid);
        if (!['new', 'running'].includes(view.notification.status)) return view;
        if (performance.now() > deadline) throw new Error(`it does not end: ${JSON.stringify(view)}`);
        await delay(50);
      }
    },
    calls: () => readFileSync(bench.path('calls'), 'utf8').trim().split('\n'),
    async [Symbol.asyncDispose]() {
      await here[Symbol.asyncDispose]();
      for (const uuid of started) await endAll(() => withStepKey(`${uuid}/hanging`), 0);
      bench[Symbol.dispose]();
    },
  };
}

const states = ({ notification, flows }: RecoveryView): string[] => [
  notification.status,
  ...flows.map(({ state, tasks }) => `${state} ${tasks[0]?.tries}`),
];

describe('a program whose engine is killed', { timeout: 120_000 }, () => {
  it('is ended and run again with the same step key, if it is idempotent', async () => {
    await using at = await scene('after_crash = idempotent');
    const engine = await at.here.engine();
    const { uuid, pid } = await at.begin();
    await engine.kill('SIGKILL');
    expect(isAlive(pid)).toBe(true);
    await at.here.engine();
    expect(states(await at.end(uuid))).toEqual(['finished', 'SUCCESS 1']);
    expect([at.calls(), isAlive(pid)]).toEqual([['run', 'run'], false]);
    const first = JSON.parse(readFileSync(at.bench.path(`input.${pid}`), 'utf8'));
    expect(first).toMatchObject({ step_key: `${uuid}/hanging`, attempt: 1, resumed: false });
    expect(JSON.parse(readFileSync(at.bench.path('second'), 'utf8'))).toEqual({ ...first, resumed: true });
  });

  it.each([
    ['it was not done: it is run again', 75, ['run', 'check', 'run'], ['finished', 'SUCCESS 1']],
    ['it was done: it is not run again', 0, ['run', 'check'], ['finished', 'SUCCESS 1']],
    ['the outcome is unknown: the operator decides', 1, ['run', 'check'], ['failed', 'FAILURE 1']],
  ])('is ended and then called with "check": %s', async (_, result, calls, end) => {
    await using at = await scene('after_crash = check');
    writeFileSync(at.bench.path('check'), `${result}\n`);
    const engine = await at.here.engine();
    const { uuid, pid } = await at.begin();
    await engine.kill('SIGKILL');
    await at.here.engine();
    expect(states(await at.end(uuid))).toEqual(end);
    expect([at.calls(), isAlive(pid)]).toEqual([calls, false]);
  });

  it('is in doubt if it may run once only; after the command --not-done it is ended and run again', async () => {
    await using at = await scene('after_crash = once');
    const engine = await at.here.engine();
    const { uuid, pid } = await at.begin();
    await engine.kill('SIGKILL');
    await at.here.engine();
    const view = await at.end(uuid);
    expect([states(view), at.calls()]).toEqual([['failed', 'FAILURE 1'], ['run']]);
    expect(view.notification.message).toContain('its outcome is unknown');
    // No engine has ended the program that may still be doing its work.
    expect(isAlive(pid)).toBe(true);
    const { code } = await at.here.run(['retry', uuid, '--not-done', 'hanging']);
    expect([code, states(await at.end(uuid))]).toEqual([0, ['finished', 'FAILURE 1', 'SUCCESS 1']]);
    expect([at.calls(), isAlive(pid)]).toEqual([['run', 'run'], false]);
  });

  it('after the command --done is not run again', async () => {
    await using at = await scene('after_crash = once');
    const engine = await at.here.engine();
    const { uuid } = await at.begin();
    await engine.kill('SIGKILL');
    await at.here.engine();
    await at.end(uuid);
    const { code } = await at.here.run(['retry', uuid, '--done', 'hanging']);
    expect([code, states(await at.end(uuid)), at.calls()]).toEqual([
      0,
      ['finished', 'FAILURE 1', 'SUCCESS 1'],
      ['run'],
    ]);
  });
});

describe('a program whose engine stops', { timeout: 120_000 }, () => {
  it('and which reports with 75 that it did nothing is run again by the next engine, though it may run once only', async () => {
    await using at = await scene('after_crash = once');
    writeFileSync(at.bench.path('word'), '75\n');
    const engine = await at.here.engine();
    const { uuid, pid } = await at.begin();
    expect((await engine.kill('SIGTERM')).code).toBe(0);
    expect(isAlive(pid)).toBe(false);
    await at.here.engine();
    expect(states(await at.end(uuid))).toEqual(['finished', 'SUCCESS 1']);
    expect(at.calls()).toEqual(['run', 'run']);
  });

  it('and which ends with another code is in doubt', async () => {
    await using at = await scene('after_crash = once');
    writeFileSync(at.bench.path('word'), '0\n');
    const engine = await at.here.engine();
    const { uuid, pid } = await at.begin();
    expect((await engine.kill('SIGTERM')).code).toBe(0);
    expect(isAlive(pid)).toBe(false);
    await at.here.engine();
    expect(states(await at.end(uuid))).toEqual(['failed', 'FAILURE 1']);
    expect(at.calls()).toEqual(['run']);
  });

  it('because it lost its lease is ended with it', async () => {
    await using at = await scene('after_crash = once', HANGING, 'beat_interval = 0.2\nlease_timeout = 1');
    const old = await at.here.engine();
    const { pid } = await at.begin();
    await at.here.engine(['--take-over', '--socket', `${at.here.directory}/next.sock`]);
    expect((await old.ended).code).toBe(10);
    await until(() => !isAlive(pid), 'the end of the program');
  });
});

it.each([
  ['and, being idempotent, retried', 'idempotent', ['finished', 'SUCCESS 2'], ['run', 'run']],
  ['and, running once, is in doubt', 'once', ['failed', 'FAILURE 2'], ['run']],
])(
  'a program that takes longer than its task may is ended, %s',
  {
    timeout: 120_000,
  },
  async (_, afterCrash, end, calls) => {
    // Its time includes the start of the program, which has to report that it runs.
    await using at = await scene(`after_crash = ${afterCrash}\ntimeout = 6\nretries = 1\nretry_delay = 0`);
    await at.here.engine();
    const { uuid, pid } = await at.begin();
    expect(states(await at.end(uuid))).toEqual(end);
    expect([isAlive(pid), at.calls()]).toEqual([false, calls]);
  },
);
