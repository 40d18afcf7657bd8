/** Plays histories and keeps the simplest one of each kind of violation. */
import { type Event, type History, titleOf } from './history.ts';
import type { Plant } from './model-world.ts';
import { play } from './play.ts';
import { violationsOf } from './properties.ts';

export interface Found {
  readonly violation: string;
  readonly history: History;
}

export class Search {
  explored = 0;
  readonly #found: Found[] = [];

  /** @returns the awaits at which it can be interrupted */
  async try(history: History, plant?: Plant): Promise<number> {
    this.explored += 1;
    const outcome = await play(history, plant);
    for (const violation of violationsOf(outcome)) this.#note({ violation, history });
    return outcome.awaits;
  }

  #note(one: Found): void {
    if (this.#found.some((known) => explains(known, one))) return;
    const others = this.#found.filter((known) => !explains(one, known));
    this.#found.splice(0, this.#found.length, ...others, one);
  }

  get found(): readonly Found[] {
    return this.#found;
  }

  /** What was found, as lines, the simplest first. */
  get report(): readonly string[] {
    return [...this.#found]
      .sort((a, b) => weightOf(a.history) - weightOf(b.history))
      .slice(0, MOST_LINES)
      .map(({ violation, history }) => `${violation} after: ${titleOf(history)}`);
  }
}

const MOST_LINES = 20;
/** Instances are as good as each other. */
const UUID = /[0-9a-f]{8}-[0-9a-f-]{27}| on c\d and c\d/g;

/** Whether the history of one is contained in that of the other, and shows the same. */
function explains(one: Found, other: Found): boolean {
  if (one.violation.replaceAll(UUID, '…') !== other.violation.replaceAll(UUID, '…')) return false;
  const [a, b] = [one.history, other.history];
  return (
    isWithin(a.events, b.events) &&
    (a.interruption === null || a.interruption.how === b.interruption?.how) &&
    (isInOrder(a) || !isInOrder(b)) &&
    (hasRightClocks(a) || !hasRightClocks(b)) &&
    (a.proof === b.proof || b.proof !== 'none')
  );
}

function isWithin(events: readonly Event[], all: readonly Event[]): boolean {
  let place = 0;
  for (const event of all) if (event === events[place]) place += 1;
  return place === events.length;
}

const isInOrder = ({ order }: History): boolean => order.every((index, place) => index === place);
const hasRightClocks = ({ offsets }: History): boolean => offsets.every((offset) => offset === 0);

/** Shorter histories first. */
function weightOf(history: History): number {
  const { events, interruption } = history;
  const [late, wrong] = [isInOrder(history) ? 0 : 10, hasRightClocks(history) ? 0 : 5];
  return events.length * 100 + (interruption ? 50 : 0) + late + wrong;
}
