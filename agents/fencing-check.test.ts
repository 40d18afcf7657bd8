import { describe, expect, test } from 'vitest';
import type { Fact, Source } from '#monitors/host/sources/source.ts';
import { checkBy } from './fencing-check.ts';

const fact = (host: string, more: Partial<Fact>): Fact => ({
  source: 'pacemaker',
  host,
  state: 'up',
  at: 0,
  detail: 'online',
  ...more,
});
const FENCED = fact('c1', { state: 'down', proof: 'fenced', detail: 'fenced' });

function sourceOf(reads: readonly (readonly Fact[] | Error)[]) {
  let taken = 0;
  const source: Source = {
    name: 'pacemaker',
    poll: async () => {
      const seen = reads[Math.min(taken, reads.length - 1)];
      taken += 1;
      if (seen instanceof Error) throw seen;
      return seen ?? [];
    },
  };
  return { check: checkBy(async () => source), reads: () => taken };
}
const isC1 = (host: string): boolean => host === 'c1';

describe('a fencing that another node reports', () => {
  test('is confirmed by a query of this node, one for reports that arrive together', async () => {
    const { check, reads } = sourceOf([[FENCED]]);
    expect(await Promise.all([check(isC1), check(isC1), check(isC1)])).toEqual([undefined, undefined, undefined]);
    expect(reads()).toBe(1);
  });

  test('is confirmed when this node learns of it a moment later', async () => {
    const { check } = sourceOf([[fact('c1', { state: 'unknown', detail: 'lost' })], [FENCED]]);
    expect(await check(isC1)).toBeUndefined();
  });

  test.each([
    ['the host is online', [fact('c1', {})], /does not show that it was fenced: online/],
    ['the host is lost but was not fenced', [fact('c1', { state: 'down', detail: 'lost' })], /fenced: lost/],
    ['another host was fenced', [{ ...FENCED, host: 'c2' }], /does not know the host/],
    ['Pacemaker does not respond', new Error('crm_mon is not installed here'), /could not be read: crm_mon is not/],
  ])('is not confirmed when %s', async (_, seen, reason) => {
    expect(await sourceOf([seen]).check(isC1)).toMatch(reason);
  });
});
