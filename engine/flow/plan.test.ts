import { expect, test } from 'vitest';
import { DEFAULT_TASK_SETTINGS } from '#config/options/task-settings.ts';
import { readPlan } from './plan.ts';

test('a plan of an earlier version has the default of a setting that it lacks, and its own values of the others', () => {
  const { heartbeatWaitMs: _, ...settings } = { ...DEFAULT_TASK_SETTINGS, hostHaKey: 'ha' };
  const plan = readPlan(JSON.stringify({ version: 1, settings }));
  expect(plan.settings).toEqual({ ...settings, heartbeatWaitMs: DEFAULT_TASK_SETTINGS.heartbeatWaitMs });
});
