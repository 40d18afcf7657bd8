import { describe, expect, it } from 'vitest';
import { InDoubt, NotDone, SkipRecovery, TaskFailure } from '#engine/flow/outcome.ts';
import type { Driver } from '#engine/task-drivers/driver.ts';
import { ModuleTask } from '#test/world/module-task.ts';
import { ProgramCalls } from './program-calls.ts';

async function calledWith(
  run: Driver['run'],
  signal = new AbortController().signal,
): Promise<{ readonly programs: ProgramCalls; readonly place: ModuleTask }> {
  using place = new ModuleTask();
  const programs = new ProgramCalls();
  const call = place.call('/tasks/page.ts', { signal, provides: ['ticket'] });
  await programs
    .received({ steps: 'one', run })
    .run(call)
    .catch(() => {});
  return { programs, place };
}

describe('the calls of programs', () => {
  it('keep the last 200 lines, pass all of them on, and count them', async () => {
    const { programs, place } = await calledWith(async ({ context }) => {
      for (let line = 0; line < 250; line += 1) context.log('info', `line ${line}`);
      for (let line = 0; line < 201; line += 1) context.progress(`step ${line}`, 0.5);
      return {};
    });
    const [call] = programs.calls;
    expect([call?.log[0], call?.log.at(-1), call?.log.length]).toEqual(['line 50', 'line 249', 200]);
    expect([call?.progress[0], call?.progress.length]).toEqual([{ message: 'step 1', progress: 0.5 }, 200]);
    expect(call?.lines_left_out).toBe(51);
    expect([place.logged.length, place.progress.length]).toEqual([250, 201]);
  });

  it('are at most 200, and the tasks run all the same', async () => {
    using place = new ModuleTask();
    const programs = new ProgramCalls();
    let runs = 0;
    const driver = programs.received({
      steps: 'one',
      run: async () => {
        runs += 1;
        return {};
      },
    });
    for (let run = 0; run < 201; run += 1) await driver.run(place.call('/tasks/page.ts'));
    expect([runs, programs.calls.length]).toEqual([201, 200]);
  });

  it('do not hold outputs that the journal would not take', async () => {
    const { programs } = await calledWith(async () => ({ ticket: 'x'.repeat(300_000) }));
    expect(programs.calls[0]).toMatchObject({ end: 'done', outputs: null, program: ['/tasks/page.ts'] });
  });

  it.each([
    [new TaskFailure('no'), 'failed'],
    [new NotDone('no'), 'not done'],
    [new InDoubt('no'), 'in doubt'],
    [new SkipRecovery('no'), 'skip'],
    [new Error('no'), 'failed'],
  ])('contain the result of one: %s', async (error, end) => {
    const { programs } = await calledWith(() => Promise.reject(error));
    expect(programs.calls[0]).toMatchObject({ end, message: 'no', outputs: null });
  });

  it('contain the reason of one that was interrupted', async () => {
    const time = AbortSignal.abort(new TaskFailure('timed out after 1 s'));
    const { programs } = await calledWith(() => Promise.reject(new InDoubt('no answer')), time);
    expect(programs.calls[0]).toMatchObject({ end: 'failed', message: 'timed out after 1 s' });
  });
});
