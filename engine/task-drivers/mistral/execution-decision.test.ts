import { describe, expect, it } from 'vitest';
import { decideExecution, type EarlierExecution, FORGOTTEN_AFTER_MS, lastExecution } from './execution-decision.ts';
import { executionId } from './execution-id.ts';

const NOW = 1_000_000_000;
const started = (change: Partial<EarlierExecution>): EarlierExecution => ({
  number: 2,
  state: 'intent',
  isConfirmed: false,
  since: NOW - 1000,
  error: null,
  outputs: {},
  ...change,
});

describe('an execution that may have been started', () => {
  it.each<[string, EarlierExecution | undefined, boolean, object]>([
    ['nothing was started', undefined, false, { do: 'begin', number: 1, since: NOW }],
    ['the last one failed', started({ state: 'failed' }), false, { do: 'begin', number: 3, since: NOW }],
    ['an intent, and it is there', started({}), true, { do: 'await', number: 2, since: NOW - 1000 }],
    ['an intent, and it is not there', started({}), false, { do: 'begin', number: 2, since: NOW - 1000 }],
    ['it was sent, and is there', started({ state: 'sent', isConfirmed: true }), true, { do: 'await', number: 2 }],
    ['it was sent, and is gone', started({ state: 'sent', isConfirmed: true }), false, { do: 'doubt' }],
    [
      'its state is unknown',
      started({ state: 'unknown', error: 'who knows' }),
      true,
      { do: 'doubt', reason: 'who knows' },
    ],
    ['an old intent, not there', started({ since: NOW - FORGOTTEN_AFTER_MS - 1 }), false, { do: 'doubt' }],
    ['an old intent, there', started({ since: NOW - FORGOTTEN_AFTER_MS - 1 }), true, { do: 'await', number: 2 }],
  ])('%s', (_, last, isThere, decision) => {
    expect(decideExecution(last, isThere, NOW)).toMatchObject(decision);
  });

  it('is the last one of all flows, or the one that was done', () => {
    const step = (state: EarlierExecution['state'], number: number) => ({
      state,
      detail: { number, since: 5 },
      error: null,
    });
    const planned = { state: 'planned', detail: {}, error: null } as const;
    expect(lastExecution([planned])).toBeUndefined();
    expect(lastExecution([step('failed', 1), step('sent', 2), planned])).toMatchObject({ number: 2, state: 'sent' });
    expect(lastExecution([step('done', 1), step('failed', 2), planned])).toMatchObject({ number: 1, state: 'done' });
  });

  it('has an id of its own for each number, the same in every engine', () => {
    const ids = ['a/t', 'b/t'].flatMap((key) => [1, 2].map((number) => executionId(key, number)));
    expect(new Set(ids).size).toBe(4);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(executionId('a/t', 1)).toBe(ids[0]);
  });
});
