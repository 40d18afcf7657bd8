/** Real engines, killed during each occurrence of a task that is listed more than once. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { endAll, withStepKey } from '#engine/task-drivers/executable/processes.ts';
import type { NotificationView, RecoveryView } from '#protocol/views.ts';
import { EngineWorld } from '#test/world/engine-world.ts';
import { ProgramBench, until } from '#test/world/program-bench.ts';

/** Records each call; the first call of each occurrence runs until it is ended. */
const HANGING_ONCE = `
  input=$(cat)
  echo "$input" >> $HERE/calls
  number=$(echo "$input" | sed 's/.*"occurrence":\\([0-9]*\\).*/\\1/')
  if mkdir $HERE/first.$number 2> /dev/null; then
    touch $HERE/hangs.$number
    exec sleep 1000
  fi
  echo '{"outputs": {"ticket": "T-'$number'"}}'`;

interface Recorded {
  readonly call: string;
  readonly task: string;
  readonly occurrence: number;
  readonly phase: string;
  readonly step_key: string;
}

const DOWN = ['--hostname', 'c1', '--event', 'STOPPED', '--host-status', 'NORMAL'];

interface Scene extends AsyncDisposable {
  readonly here: EngineWorld;
  readonly uuid: string;
  calls(): Recorded[];
  /** Kills the engine while this occurrence hangs, and starts the next one. */
  killAt(occurrence: number): Promise<void>;
  ended(): Promise<RecoveryView>;
}

async function scene(afterCrash: string): Promise<Scene> {
  const bench = new ProgramBench();
  const configuration = `
[taskflow_driver_recovery_flows]
host_auto_failure_recovery_tasks = pre:['alert','alert'],main:[],post:['no_op','alert','no_op']
[alert]
driver = executable
command = ${bench.script(HANGING_ONCE)}
provides = ticket
after_crash = ${afterCrash}`;
  const here = await EngineWorld.start({ configuration });
  let engine = await here.engine();
  const { notification_uuid: uuid } = await here.json<NotificationView>('notify', ...DOWN);
  return {
    here,
    uuid,
    calls: () =>
      readFileSync(bench.path('calls'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Recorded),
    async killAt(occurrence) {
      await until(() => existsSync(bench.path(`hangs.${occurrence}`)), `occurrence ${occurrence}`);
      await engine.kill('SIGKILL');
      engine = await here.engine();
    },
    async ended() {
      await expect
        .poll(async () => (await here.json<RecoveryView>('show', uuid)).notification.status, { timeout: 60_000 })
        .toMatch(/^(?:finished|failed|ignored)$/);
      return here.json<RecoveryView>('show', uuid);
    },
    async [Symbol.asyncDispose]() {
      await here[Symbol.asyncDispose]();
      for (const name of ['alert', 'alert#2', 'alert#3']) await endAll(() => withStepKey(`${uuid}/${name}`), 0);
      bench[Symbol.dispose]();
    },
  };
}

it('an occurrence that may run again runs again, and no other one', { timeout: 120_000 }, async () => {
  await using at = await scene('idempotent');
  for (const occurrence of [1, 2, 3]) await at.killAt(occurrence);
  const { notification, flows } = await at.ended();
  expect(notification.status).toBe('finished');
  expect(flows.map(({ state, resumes }) => [state, resumes])).toEqual([['SUCCESS', 3]]);
  expect(
    flows[0]?.tasks.map(({ phase, name, action, state, tries, outputs }) => [
      phase,
      name,
      action,
      state,
      tries,
      outputs,
    ]),
  ).toEqual([
    ['pre', 'alert', 'alert', 'SUCCESS', 1, { ticket: 'T-1' }],
    ['pre', 'alert#2', 'alert', 'SUCCESS', 1, { ticket: 'T-2' }],
    ['post', 'no_op', 'Noop', 'SUCCESS', 1, {}],
    ['post', 'alert#3', 'alert', 'SUCCESS', 1, { ticket: 'T-3' }],
    ['post', 'no_op#2', 'Noop', 'SUCCESS', 1, {}],
  ]);
  expect(at.calls().map(({ call, task, occurrence, step_key }) => [call, task, occurrence, step_key])).toEqual(
    ['alert', 'alert', 'alert#2', 'alert#2', 'alert#3', 'alert#3'].map((name, index) => [
      'run',
      'alert',
      Math.floor(index / 2) + 1,
      `${at.uuid}/${name}`,
    ]),
  );
});

it('an operator settles the doubt of one occurrence by its name', { timeout: 120_000 }, async () => {
  await using at = await scene('once');
  await at.killAt(1);
  expect((await at.ended()).notification.status).toBe('failed');
  const { here, uuid } = at;
  await here.json('retry', uuid, '--done', 'alert');
  await at.killAt(2);
  expect((await at.ended()).notification.message).toMatch(/^alert#2: /);
  const wrong = await here.run(['retry', uuid, '--done', 'alert']);
  expect(wrong.stderr).toContain('alert#2');
  await here.json('retry', uuid, '--not-done', 'alert#2');
  await at.killAt(3);
  await at.ended();
  await here.json('retry', uuid, '--done', 'alert#3');
  expect((await at.ended()).notification.status).toBe('finished');
  expect(at.calls().map(({ occurrence }) => occurrence)).toEqual([1, 2, 2, 3]);
});
