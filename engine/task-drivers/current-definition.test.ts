import { describe, expect, it } from 'vitest';
import type { CustomTask } from '#config/pipelines/task-definition.ts';
import { differences, refusedTask } from './current-definition.ts';

const ALERT: CustomTask = {
  driver: 'executable',
  requires: [],
  provides: [],
  afterCrash: 'once',
  undo: false,
  when: '',
  options: { command: ['/bin/page', '{{ host_name }}'], user: '' },
  parameters: { level: 'low' },
};

describe('a plan of the journal', () => {
  it('runs the definition of the configuration, with any other changes of it', () => {
    const journaled = JSON.parse(JSON.stringify(ALERT));
    expect(differences(journaled, ALERT)).toEqual([]);
    expect(differences(journaled, { ...ALERT, when: 'host_name != "x"', provides: ['ticket'] })).toEqual([]);
  });

  it.each([
    [{ command: ['/bin/sh', '-c', 'id'], user: '' }, {}, ['command']],
    [{ command: ['/bin/page', '{{ host_name }}'], user: 'nobody' }, {}, ['user']],
    [{ command: ['/bin/page', '{{ host_name }}'] }, {}, ['user']],
    [ALERT.options, { parameters: { level: 'high', more: 'x' } }, ['level', 'more']],
    [ALERT.options, { driver: 'webhook' as const }, ['driver']],
  ])('that differs is not run: %j %j', (options, change, expected) => {
    expect(differences({ ...ALERT, options, ...change }, ALERT)).toEqual(expected);
  });

  it('of a task that is no longer defined is not run', () => {
    expect(differences(ALERT, undefined)).toEqual(['driver']);
  });

  it('that is not run ends in doubt, and undoes nothing', async () => {
    const planned = {
      phase: 'pre',
      name: 'alert#2',
      timeoutMs: 1,
      retries: 0,
      retryDelayMs: 1,
      onFailure: 'abort',
      parameters: {},
    } as const;
    const task = refusedTask(planned, 'alert', ['command']);
    const expected = {
      fault: 'doubt',
      message: expect.stringMatching(/^task "alert" was planned with another definition .*\("command"\)/),
    };
    await expect(task.run({} as never)).rejects.toMatchObject(expected);
    await expect(task.undo?.({} as never)).rejects.toMatchObject(expected);
  });
});
