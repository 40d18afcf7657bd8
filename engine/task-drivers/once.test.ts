/** What ran `once` is not run again: not when the engine ended it, nor when it ended well and only what it gave is of no use. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Run, TaskWorld } from '#test/world/task-world.ts';

const POLICY = ['after_crash = once', 'retries = 2', 'retry_delay = 0'];

/** Runs the task; it notes each of its runs in a file. */
async function runs(
  world: TaskWorld,
  provides: string,
  section: readonly string[],
): Promise<{ readonly run: Run; readonly count: number }> {
  const run = await world.run([...section, ...POLICY, `provides = ${provides}`]);
  return { run, count: readFileSync(join(world.directory, 'runs'), 'utf8').length };
}

describe('a task that is to run once', () => {
  it.each([
    ['is ended for printing too much', 'ticket', 'exec yes 0123456789', /prints more than/],
    ['prints a line that is too long', 'ticket', 'head -c 100000 /dev/zero | tr "\\0" x', /prints a line of more than/],
    [
      'ends well and gives more than the journal takes',
      'ticket, a, b, c, d',
      `text=$(head -c 60000 /dev/zero | tr '\\0' x)
       for name in ticket a b c d; do printf '{"outputs":{"%s":"%s"}}\\n' $name "$text"; done`,
      /its outputs have \d+ bytes, more than 262144/,
    ],
    ['ends well and does not give what it provides', 'ticket', 'exit 0', /succeeded without "ticket"/],
  ])('and %s is in doubt, and not run again', async (_, provides, body, message) => {
    await using world = await TaskWorld.start();
    const program = join(world.directory, 'program');
    writeFileSync(program, `#!/bin/sh\nprintf x >> '${world.directory}/runs'\n${body}\n`);
    chmodSync(program, 0o755);
    const { run, count } = await runs(world, provides, ['[charge]', 'driver = executable', `command = ${program}`]);
    expect(count).toBe(1);
    expect(run.outcome).toMatchObject({ end: 'failure', cause: 'doubt', message: expect.stringMatching(message) });
    expect(run.steps).toMatchObject([{ state: 'unknown' }]);
  });

  it('and that is a module which does not give what it provides is in doubt, and not run again', async () => {
    await using world = await TaskWorld.start();
    const module = join(world.directory, 'charge.mjs');
    const runsFile = JSON.stringify(join(world.directory, 'runs'));
    writeFileSync(
      module,
      `import { appendFileSync } from 'node:fs';\nexport const run = () => appendFileSync(${runsFile}, 'x');\n`,
    );
    const { run, count } = await runs(world, 'ticket', ['[charge]', 'driver = module', `module = ${module}`]);
    expect(count).toBe(1);
    expect(run.outcome).toMatchObject({
      end: 'failure',
      cause: 'doubt',
      message: expect.stringMatching(/succeeded without "ticket", which it provides/),
    });
  });
});
