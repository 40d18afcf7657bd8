/** The programs in docs/examples/tasks, run as an engine runs them. */
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { DriverCall } from '#engine/task-drivers/driver.ts';
import { executable } from '#engine/task-drivers/executable/driver.ts';
import { type CallSettings, ProgramBench } from './world/program-bench.ts';

const EXAMPLES = fileURLToPath(new URL('../docs/examples/tasks/', import.meta.url));

/** The example at a place that only its owner can write to; a clone may be open to a group. */
function example(bench: ProgramBench, name: string): string {
  const path = bench.script('', name);
  copyFileSync(`${EXAMPLES}${name}`, path);
  return path;
}

describe('alert.sh', () => {
  const settings: CallSettings = { provides: ['ticket'], inputs: { host_name: 'c1' } };

  it('alerts the operators with the step key, and returns it', async () => {
    using bench = new ProgramBench();
    const pager = bench.script('echo "$# $1" > $HERE/alerted; echo sent', 'pager');
    const call = bench.call([example(bench, 'alert.sh'), 'c1', 'failed', pager], settings);
    expect(await executable.run(call)).toEqual({ ticket: call.stepKey });
    expect(readFileSync(bench.path('alerted'), 'utf8')).toBe(`1 recovery-agent: host c1 failed (${call.stepKey})\n`);
    expect(bench.progress).toMatchObject([{ message: 'Alerting the operators', progress: 0.5 }]);
    expect(bench.logged).toEqual(['info program of alert: sent {}']);
  });

  it('fails when the pager does, and does nothing without its arguments', async () => {
    using bench = new ProgramBench();
    const pager = bench.script('exit 9', 'pager');
    const alert = example(bench, 'alert.sh');
    await expect(executable.run(bench.call([alert, 'c1', 'failed', pager], settings))).rejects.toThrow('exit code 9');
    await expect(executable.run(bench.call([alert, 'c1'], settings))).rejects.toThrow('nothing was done');
  });
});

describe('confirm_instances.sh', () => {
  it.each(['c2', 'c2, c3', ''])('is content with instances on %j', async (hosts) => {
    using bench = new ProgramBench();
    await executable.run(bench.call([example(bench, 'confirm_instances.sh'), 'c1', hosts]));
    expect(bench.progress.at(-1)).toMatchObject({ progress: 1 });
  });

  it('fails when one is where the failure was', async () => {
    using bench = new ProgramBench();
    const call = bench.call([example(bench, 'confirm_instances.sh'), 'c1', 'c2, c1']);
    await expect(executable.run(call)).rejects.toThrow('exit code 1');
    expect(bench.logged.join()).toContain('an instance is on c1 still');
  });
});

const HAS_PYTHON = existsSync('/usr/bin/python3');

describe.skipIf(!HAS_PYTHON)('update_metering.py (skipped where there is no /usr/bin/python3)', () => {
  const recovered_instances = [
    { uuid: '1', name: 'web', host: 'c1', new_host: 'c2' },
    { uuid: '2', name: 'db', host: 'c1', new_host: 'c3' },
  ];

  function metering(bench: ProgramBench, file = bench.path('metering.json')): DriverCall {
    const parameters = { file };
    const inputs = { host_name: 'c1', recovered_instances };
    const argv = [example(bench, 'update_metering.py')];
    return bench.call(argv, { task: 'update_metering', provides: ['metered'], inputs, parameters });
  }

  it('records the hosts of the instances, and reports its progress', async () => {
    using bench = new ProgramBench();
    const call = metering(bench);
    expect(await executable.run(call)).toEqual({ metered: 2 });
    expect(JSON.parse(readFileSync(bench.path('metering.json'), 'utf8'))).toEqual({
      step_key: call.stepKey,
      instances: [
        { uuid: '1', host: 'c2' },
        { uuid: '2', host: 'c3' },
      ],
    });
    expect(bench.progress.at(-1)?.message).toBe('Metering of db');
  });

  it('checks whether its own step was done, not the work of another step', async () => {
    using bench = new ProgramBench();
    const call = metering(bench);
    expect(await executable.check?.(call)).toEqual({ state: 'not done' });
    await executable.run(call);
    expect(await executable.check?.(call)).toEqual({ state: 'done', outputs: { metered: 2 } });
    expect(await executable.check?.(metering(bench))).toEqual({ state: 'not done' });
  });

  it('returns unknown if it cannot read its own record', async () => {
    using bench = new ProgramBench();
    writeFileSync(bench.path('metering.json'), '{');
    expect(await executable.check?.(metering(bench))).toMatchObject({ state: 'unknown' });
  });

  it('undoes its effect, also when it is called repeatedly', async () => {
    using bench = new ProgramBench();
    const call = metering(bench);
    await executable.run(call);
    await executable.undo?.(call);
    await executable.undo?.(call);
    expect(existsSync(bench.path('metering.json'))).toBe(false);
  });

  it('reports that it did nothing if it cannot write', async () => {
    using bench = new ProgramBench();
    await expect(executable.run(metering(bench, '/no/such/place'))).rejects.toThrow('nothing was done');
    expect(bench.logged.join()).toContain('/no/such/place.draft cannot be written: No such file or directory');
  });
});
