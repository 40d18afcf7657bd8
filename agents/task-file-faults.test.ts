import { chmodSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EngineWorld, Program } from '#test/world/engine-world.ts';
import { ProgramBench } from '#test/world/program-bench.ts';

const LISTS = `
[taskflow_driver_recovery_flows]
host_auto_failure_recovery_tasks = main:['alert']
[alert]
driver = executable
`;

describe('programs of tasks', { timeout: 60_000 }, () => {
  it.each([
    [
      'that are not there',
      'command = /no/such/program',
      0o755,
      /:4:1: task "alert" cannot be run: \/no does not exist/,
    ],
    ['of a user who is not there', 'command = PROGRAM\nuser = no-such-user', 0o755, /is to run as user "no-such-user"/],
    ['that others can change', 'command = PROGRAM', 0o777, /task "alert" cannot be run: .* chmod go-w \//],
    ['chosen by a value', 'command = /opt/{{ host_name }}', 0o755, /has a value in the path of the program/],
    ['of a user whose name is none', 'command = PROGRAM\nuser = -h', 0o755, /takes the name of a user, or nothing/],
  ])('%s are refused by validate', async (_, options, mode, message) => {
    using bench = new ProgramBench();
    const program = bench.script('exit 0');
    chmodSync(program, mode);
    const file = bench.path('one.conf');
    writeFileSync(file, `${LISTS}${options.replace('PROGRAM', program)}\n`, { mode: 0o600 });
    const { code, stdout } = await new Program(['validate', file]).ended;
    expect([code, stdout]).toEqual([1, expect.stringMatching(message)]);
  });

  it('do not keep an engine from its start: it warns of them', async () => {
    await using here = await EngineWorld.start({ configuration: `${LISTS}command = /no/such/program` });
    const engine = await here.engine();
    expect(engine.stderr).toMatch(/warning.*task "alert" cannot be run: \/no does not exist/);
  });
});
