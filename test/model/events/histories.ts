/** Which histories are played: all short ones, a seeded sample of longer ones, and interruptions at every await. */
import { Random } from '#engine/cloud/simulated/random.ts';
import { bound } from '../depth.ts';
import {
  CALLS,
  type CallOutcome,
  type Event,
  GAPS,
  type History,
  type Interruption,
  OFFSETS,
  offsetsOf,
  permutations,
  reportsOf,
  sequences,
} from './history.ts';

const PLAIN = { proof: 'none', interruption: null } as const;

/** Bounded, without the gap after which everything is over. */
function gapsOf(events: readonly Event[]): readonly number[] {
  return GAPS.slice(0, events.length === 1 ? 1 : bound(2, 3));
}

function proofsOf(events: readonly Event[]): readonly History['proof'][] {
  return events.some((event) => event === 'death' || event === 'reboot') && !events.includes('rumour')
    ? ['none', 'fencing']
    : ['none'];
}

/** Every order of arrival of every short sequence, with right clocks. */
export function orders(longest: number): History[] {
  return sequences(longest).flatMap((events) =>
    gapsOf(events).flatMap((gapMs) =>
      permutations(reportsOf(events).length).flatMap((order) =>
        proofsOf(events).map((proof) => ({ ...PLAIN, events, gapMs, order, offsets: order.map(() => 0), proof })),
      ),
    ),
  );
}

/** Every combination of wrong clocks, with reports that arrive as they are made. */
export function clocks(longest: number): History[] {
  return sequences(longest).flatMap((events) =>
    gapsOf(events).flatMap((gapMs) => {
      const order = reportsOf(events).map((_, index) => index);
      return offsetsOf(order.length).map((offsets) => ({ ...PLAIN, events, gapMs, order, offsets }));
    }),
  );
}

/** Long sequences with everything mixed, the same ones for the same seed. */
export function sample(seed: number, count: number, longest: number): History[] {
  const random = new Random(seed);
  const pick = <T>(list: readonly [T, ...T[]] | readonly T[]): T => {
    const one = list[Math.floor(random.next() * list.length)];
    if (one === undefined) throw new Error('nothing to pick from');
    return one;
  };
  const long = sequences(longest);
  return Array.from({ length: count }, () => {
    const events = pick(long);
    const order = reportsOf(events).map((_, index) => index);
    for (let last = order.length - 1; last > 0; last -= 1) {
      const other = Math.floor(random.next() * (last + 1));
      [order[last], order[other]] = [order[other] ?? 0, order[last] ?? 0];
    }
    const interruption: Interruption | null =
      random.next() < 0.5 ? null : { ...pick(ENDS), at: 1 + Math.floor(random.next() * 60) };
    return {
      events,
      gapMs: pick(GAPS),
      order,
      offsets: order.map(() => pick(OFFSETS)),
      proof: pick(proofsOf(events)),
      interruption,
      calls: [pick(CALLS), pick(CALLS), pick(CALLS)],
    };
  });
}

/** How an engine can end. */
export const ENDS: readonly Omit<Interruption, 'at'>[] = [
  { how: 'stopped', skewMs: 0, awayMs: 5_000 },
  { how: 'killed', skewMs: 0, awayMs: 30_000 },
  { how: 'moved', skewMs: 90_000, awayMs: 30_000 },
  { how: 'moved', skewMs: -90_000, awayMs: 30_000 },
  { how: 'killed', skewMs: 0, awayMs: 600_000 },
];

/** A history, interrupted at each of so many awaits in each way. */
export function interrupted(history: History, awaits: number): History[] {
  return Array.from({ length: awaits }, (_, index) => index + 1).flatMap((at) =>
    ENDS.map((end) => ({ ...history, interruption: { ...end, at } })),
  );
}

/** Every way in which the first requests for an evacuation can end, of two instances that are moved side by side. */
export function calls(count: number): History[] {
  let outcomes: CallOutcome[][] = [[]];
  for (let n = 0; n < count; n += 1) outcomes = outcomes.flatMap((one) => CALLS.map((outcome) => [...one, outcome]));
  const [gapMs] = GAPS;
  return outcomes.map((one) => ({ ...PLAIN, events: ['death'], gapMs, order: [0], offsets: [0], calls: one }));
}

/** What is interrupted: in the order of the events, and with a return that overtakes. */
export function bases(longest: number): History[] {
  return sequences(longest).flatMap((events) => {
    const order = reportsOf(events).map((_, index) => index);
    const [gapMs] = GAPS;
    const orders = order.length > 1 && events.length === 1 ? [order, [...order].reverse()] : [order];
    return orders.map((one) => ({ ...PLAIN, events, gapMs, order: one, offsets: one.map(() => 0) }));
  });
}
