/**
 * What can happen to a host and its guests, and how it is reported: events, the order in which their reports arrive, how wrong the
 * clocks of the senders are, and where the engine is interrupted.
 */

/**
 * `reboot`: dead and back again before any monitor polled it. `rumour`: a report of a death that never was. `cell`: the database of the
 * host's cell does not respond to Nova for a while.
 */
export const EVENTS = ['death', 'return', 'reboot', 'crash', 'rumour', 'cell'] as const;
export type Event = (typeof EVENTS)[number];

export type ReportKind = 'death' | 'return' | 'crash';

/** How an engine ends, and where the next one starts. Its wall clock is off by `skewMs`. */
export interface Interruption {
  readonly how: 'stopped' | 'killed' | 'moved';
  /** The number of the await at which it happens. */
  readonly at: number;
  readonly skewMs: number;
  /** Until the next engine starts. */
  readonly awayMs: number;
}

/**
 * What becomes of a request for an evacuation. `lost`: the request. `reply lost`: it was carried out. `late`: it is carried out after a
 * while in a queue. `fails`: it is accepted, and ends in error.
 */
export const CALLS = ['accepted', 'lost', 'reply lost', 'late', 'fails'] as const;
export type CallOutcome = (typeof CALLS)[number];

export interface History {
  readonly events: readonly Event[];
  /** From one event to the next. */
  readonly gapMs: number;
  /** Indexes of the reports in the order in which they arrive. */
  readonly order: readonly number[];
  /** For each report: how far its sender's clock is ahead. */
  readonly offsets: readonly number[];
  readonly proof: 'none' | 'fencing';
  readonly interruption: Interruption | null;
  /** Of the first requests for an evacuation, in their order; later ones are accepted. */
  readonly calls?: readonly CallOutcome[];
}

export const OFFSETS = [-90_000, 0, 90_000] as const;
export const GAPS = [20_000, 150_000, 1_200_000] as const;

const REPORTS: Readonly<Record<Event, readonly ReportKind[]>> = {
  death: ['death'],
  return: ['return'],
  reboot: ['death', 'return'],
  crash: ['crash'],
  rumour: ['death'],
  cell: [],
};

export function reportsOf(events: readonly Event[]): readonly ReportKind[] {
  return events.flatMap((event) => REPORTS[event]);
}

/** Every sequence that can happen and is reported, up to a length. A host dies only with power, and comes back only without. */
export function sequences(longest: number): Event[][] {
  const found: Event[][] = [];
  const grow = (events: readonly Event[], hasPower: boolean): void => {
    if (reportsOf(events).length > 0) found.push([...events]);
    if (events.length === longest) return;
    for (const event of EVENTS) {
      if (event !== 'cell' && (event === 'return') === hasPower) continue;
      grow([...events, event], event === 'cell' ? hasPower : event !== 'death');
    }
  };
  grow([], true);
  return found;
}

export function permutations(count: number): number[][] {
  if (count === 0) return [[]];
  return permutations(count - 1).flatMap((rest) =>
    Array.from({ length: count }, (_, place) => [...rest.slice(0, place), count - 1, ...rest.slice(place)]),
  );
}

/** All combinations of one offset for each report. */
export function offsetsOf(count: number): number[][] {
  if (count === 0) return [[]];
  return offsetsOf(count - 1).flatMap((rest) => OFFSETS.map((offset) => [...rest, offset]));
}

export function titleOf({ events, gapMs, order, offsets, proof, interruption, calls = [] }: History): string {
  const kinds = reportsOf(events);
  const arrivals = order.map((index) => {
    const offset = offsets[index] ?? 0;
    return `${kinds[index]}${index}${offset === 0 ? '' : `@${offset > 0 ? '+' : ''}${offset / 1000}s`}`;
  });
  const end = interruption
    ? `, engine ${interruption.how} at await ${interruption.at} for ${interruption.awayMs / 1000} s${interruption.skewMs ? `, the next one ${interruption.skewMs / 1000} s ahead` : ''}`
    : '';
  const proved = proof === 'none' ? '' : `, proof ${proof}`;
  const called = calls.length === 0 ? '' : `, evacuations ${calls.join(', ')}`;
  return `${events.join(', ')} every ${gapMs / 1000} s; arrive ${arrivals.join(', ')}${proved}${called}${end}`;
}
