/** Plays the histories of a range of seeds, and describes the first violation of each kind. */
import { generate } from './generate.ts';
import { describe } from './history.ts';
import { type Figures, type Outcome, play } from './play.ts';
import type { Plant } from './random-stage.ts';
import { kindOfViolation, shrink } from './shrink.ts';

export interface Found {
  readonly seed: number;
  readonly violations: readonly string[];
}

/** Plays one seed. An error of the test itself counts as a violation: the seed replays it. */
export async function trySeed(seed: number, plant?: Plant): Promise<Outcome> {
  try {
    return await play(generate(seed), plant);
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const figures: Figures = { reports: 0, starts: 0, evacuations: 0, engines: 0, falsePositives: 0 };
    return { violations: [`the history could not be played: ${reason}`], log: [], figures };
  }
}

/** The text for a person who has to understand a violation: the command that replays it, and the shortened history. */
export async function explain({ seed, violations }: Found, plant?: Plant): Promise<string> {
  const [first = ''] = violations;
  const shortest = await shrink(generate(seed), first, plant);
  return [
    ...violations.map((violation) => `VIOLATION: ${violation}`),
    `replay: npm run test:random -- --seed ${seed}`,
    `shortened to ${shortest.events.length} events (${kindOfViolation(first)}):`,
    ...describe(shortest),
  ].join('\n');
}

/** Seeds from `first` until one shows what `isWanted` accepts, at most `limit`; undefined: none does. */
export async function firstSeed(
  first: number,
  limit: number,
  plant: Plant,
  isWanted: (violation: string) => boolean,
): Promise<Found | undefined> {
  for (let seed = first; seed < first + limit; seed += 1) {
    const { violations } = await trySeed(seed, plant);
    if (violations.some(isWanted)) return { seed, violations };
  }
  return undefined;
}
