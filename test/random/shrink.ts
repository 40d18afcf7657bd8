/** Shortens a history that violates something: drops what the violation does not need, greedily. */

import type { RandomHistory } from './history.ts';
import { play } from './play.ts';
import type { Plant } from './random-stage.ts';

/** Maximum number of replays. */
const REPLAYS = 150;
const NAMES = /[0-9a-f]{8}-[0-9a-f-]{27}|(?:compute|reserve)-\d+|\d+/g;

/** Two violations of one kind concern different objects. */
export function kindOfViolation(violation: string): string {
  return violation.replaceAll(NAMES, '…');
}

/** The shortest history found that still shows a violation of this kind. */
export async function shrink(history: RandomHistory, violation: string, plant?: Plant): Promise<RandomHistory> {
  const kind = kindOfViolation(violation);
  let replays = 0;
  const shows = async (candidate: RandomHistory): Promise<boolean> => {
    replays += 1;
    const { violations } = await play(candidate, plant);
    return violations.some((one) => kindOfViolation(one) === kind);
  };
  let shortest = history;
  for (const part of ['events', 'instances'] as const) {
    for (let size = Math.ceil(shortest[part].length / 2); size >= 1; size = size === 1 ? 0 : Math.floor(size / 2)) {
      for (let from = 0; from < shortest[part].length && replays < REPLAYS; ) {
        const kept = shortest[part].toSpliced(from, size);
        const candidate = { ...shortest, [part]: kept };
        if (await shows(candidate)) shortest = candidate;
        else from += size;
      }
    }
  }
  return shortest;
}
