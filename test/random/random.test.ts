/**
 * Random histories through the production engines: a bounded part of `npm run test:random`, and its positive controls. A failure prints the
 * seed, the command that replays it and the shortened history.
 */
import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { generate } from './generate.ts';
import { PLANTS } from './plants.ts';
import { explain, firstSeed, trySeed } from './search.ts';
import { kindOfViolation, shrink } from './shrink.ts';

const FIXED_SEEDS = 20;
/** Each planted fault shows within so many histories. */
const LIMIT = 60;
const MAX_SEED = 2 ** 32;

async function violationsOf(seed: number): Promise<string> {
  const { violations } = await trySeed(seed);
  return violations.length === 0 ? '' : explain({ seed, violations });
}

describe('a random history', () => {
  it(`breaks no promise, for the seeds 1 to ${FIXED_SEEDS}`, async () => {
    for (let seed = 1; seed <= FIXED_SEEDS; seed += 1) expect(await violationsOf(seed)).toBe('');
  });

  it('breaks no promise, for a seed of this run', async () => {
    const seed = randomInt(MAX_SEED);
    console.log(`random history: npm run test:random -- --seed ${seed}`);
    expect(await violationsOf(seed)).toBe('');
  });

  it('is the same for the same seed, and has the same log', async () => {
    expect(generate(7)).toEqual(generate(7));
    const [first, second] = [await trySeed(7), await trySeed(7)];
    const calls = ({ log }: typeof first): string[] => log.filter((line) => line.includes(' cloud '));
    expect(calls(second)).toEqual(calls(first));
  });
});

describe('a planted fault is found', () => {
  it.each(PLANTS)('$name', async (plant) => {
    const found = await firstSeed(plant.seed, LIMIT, plant, (violation) => plant.found.test(violation));
    console.log(`random history: planted "${plant.name}": found by seed ${found?.seed}`);
    expect(found?.violations.join('\n')).toMatch(plant.found);
  });

  it('in a history that is shortened to the events that it needs', async () => {
    const [plant] = PLANTS.filter(({ name }) => name === 'host_status UNKNOWN is taken for a proof');
    if (!plant) throw new Error('the fault is not planted');
    const found = await firstSeed(plant.seed, LIMIT, plant, (violation) => plant.found.test(violation));
    const violation = found?.violations.find((one) => plant.found.test(one)) ?? '';
    const history = generate(found?.seed ?? 0);
    const shortest = await shrink(history, violation, plant);
    expect(shortest.events.length).toBeLessThanOrEqual(Math.min(2, history.events.length));
    expect(kindOfViolation(violation)).toContain('was forced down without');
  });
});
