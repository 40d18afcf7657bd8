import { expect, it } from 'vitest';
import type { EarlierStep } from '../../flow/recovery-history.ts';
import { lastTouched } from './instance-action.ts';

const step = (state: EarlierStep['state'], known: readonly string[] = []): EarlierStep => ({
  flow: 'other',
  state,
  before: null,
  detail: { known },
  error: null,
  taskState: 'SUCCESS',
  hasUndo: false,
});

it('what may be under way is not forgotten by a flow that only planned it and died', () => {
  expect(lastTouched([step('unknown', ['req-1']), step('planned'), step('planned')])).toEqual(
    step('unknown', ['req-1']),
  );
  expect(lastTouched([step('sent'), step('failed'), step('planned')])?.state).toBe('failed');
  expect(lastTouched([step('planned')])).toBeUndefined();
  expect(lastTouched([])).toBeUndefined();
});
