/** Plays histories and keeps the simplest one of each kind of violation. */
import { type History, titleOf } from './history.ts';
import type { Plant } from './model-world.ts';
import { play } from './play.ts';
import { violationsOf } from './properties.ts';

const UUID = /[0-9a-f]{8}-[0-9a-f-]{27}/g;

export interface Found {
  readonly violation: string;
  readonly history: History;
}

export class Search {
  explored = 0;
  readonly #found = new Map<string, Found>();

  /** @returns the awaits of its first two tasks */
  async try(history: History, plant?: Plant): Promise<number> {
    this.explored += 1;
    const outcome = await play(history, plant);
    for (const violation of violationsOf(outcome)) {
      const kind = violation.replaceAll(UUID, '…');
      const known = this.#found.get(kind);
      if (!known || weightOf(history) < weightOf(known.history)) this.#found.set(kind, { violation, history });
    }
    return outcome.awaits;
  }

  get found(): readonly Found[] {
    return [...this.#found.values()];
  }

  /** What was found, as lines. */
  get report(): readonly string[] {
    return this.found.map(({ violation, history }) => `${violation} after: ${titleOf(history)}`);
  }
}

/** The shorter a history, the more it tells. */
function weightOf({ events, order, offsets, interruption, gapMs }: History): number {
  const late = order.filter((index, place) => index !== place).length;
  const wrong = offsets.filter((offset) => offset !== 0).length;
  return events.length * 100 + (interruption ? 50 : 0) + late * 10 + wrong * 5 + Math.log10(gapMs);
}
