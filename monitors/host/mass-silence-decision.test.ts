import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { massSilence } from './mass-silence-decision.ts';

const RULE = { window: 10, sharePercent: 50 };

/** `a@100 b@100!`: the last response of each; hosts with a mark are silent. */
function together(received: string, rule = RULE): string {
  const hosts = received.split(' ').map((one) => one.replace('!', '').split('@') as [string, string]);
  const silent = received.split(' ').filter((one) => one.endsWith('!'));
  const names = silent.map((one) => one.split('@')[0] ?? '');
  return [...massSilence(new Map(hosts.map(([name, at]) => [name, Number(at)])), names, rule)].join(' ');
}

describe('massSilence', () => {
  test.each([
    ['one silent host of many is alone', 'a@100! b@200 c@200', ''],
    ['the only host is alone', 'a@100!', ''],
    ['both of two are silent from the same moment on', 'a@100! b@105!', 'a b'],
    ['most of them', 'a@100! b@101! c@102! d@200', 'a b c'],
    ['half of them is not most', 'a@100! b@101! c@200 d@200', ''],
    ['one after the other', 'a@100! b@150! c@190! d@300', ''],
    ['hosts that were silent long before make a new failure neither larger', 'a@1! b@2! c@100! d@200 e@200 f@200', ''],
    ['nor smaller', 'a@1! b@100! c@100! d@200', 'b c'],
    ['when some return the others are down', 'a@100! b@200 c@200 d@200', ''],
  ])('%s', (_, received, expected) => {
    expect(together(received)).toBe(expected);
  });

  test('the share is a share of the hosts that could still respond', () => {
    const quarter = { window: 10, sharePercent: 20 };
    expect(together('a@100! b@100! c@200 d@200 e@200 f@200 g@200 h@200 i@200', quarter)).toBe('a b');
    expect(together('a@100! b@100! c@200 d@200 e@200 f@200 g@200 h@200 i@200 j@200', quarter)).toBe('');
  });

  test('if all fall silent within the window they count together, for any share', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 100, max: 110 }), { minLength: 2, maxLength: 50 }),
        fc.integer({ min: 1, max: 99 }),
        (times, sharePercent) => {
          const received = new Map(times.map((at, index) => [`h${index}`, at]));
          expect(massSilence(received, received.keys(), { window: 10, sharePercent }).size).toBe(times.length);
        },
      ),
    );
  });
});
