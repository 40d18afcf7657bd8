/**
 * Selects the next report: one lane for each host, in the order of writing, and the time at which a lane, or all, may be retried.
 *
 * Invariants: of one host only the oldest report is being sent. A delivered report does not return. A report that fails
 * repeatedly holds only reports of the same subject: it is parked in a lane of its own, with all later ones of its subject
 * behind it, and the others of its host continue.
 */
import { backoff } from '#protocol/backoff.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import type { Report } from './report-file.ts';

export interface Waiting {
  readonly name: string;
  readonly report: Report;
  attempts: number;
  /** How often it was not sent because its failure could not be confirmed. */
  holds: number;
}

interface Lane {
  readonly kind: 'host' | 'parked';
  readonly reports: Waiting[];
  state: 'free' | 'taken';
  failures: number;
  notBefore: number;
}

/** The first wait; each further one is twice as long. */
const FIRST_WAIT_MS = 250;
/** Failures in sequence before a report is parked; with the default waits that is after 8 s. */
const PARK_AFTER = 5;

export class Lanes {
  readonly #maxWaitMs: number;
  readonly #lanes = new Map<string, Lane>();
  /** All reports in the folder, including those that are done and not yet removed. */
  #known = new Set<string>();
  #outages = 0;
  #blockedUntil = Number.NEGATIVE_INFINITY;

  constructor(maxWaitMs: number) {
    this.#maxWaitMs = maxWaitMs;
  }

  get size(): number {
    return [...this.#lanes.values()].reduce((sum, { reports }) => sum + reports.length, 0);
  }

  /** No target accepts reports at the moment. */
  get isBlocked(): boolean {
    return performance.now() < this.#blockedUntil;
  }

  knows(name: string): boolean {
    return this.#known.has(name);
  }

  add(waiting: Waiting): void {
    const { body } = waiting.report;
    const parked = subjectOf(body);
    const key = this.#lanes.has(parked) ? parked : body.notification.hostname;
    const lane = this.#lanes.get(key) ?? { kind: 'host', reports: [], state: 'free', failures: 0, notBefore: 0 };
    this.#lanes.set(key, lane);
    this.#known.add(waiting.name);
    // It was being sent while another process had the turn.
    if (lane.state === 'taken' && lane.reports.some(({ name }) => name === waiting.name)) return;
    const last = lane.reports.at(-1);
    lane.reports.push(waiting);
    if (last === undefined || last.name < waiting.name) return;
    // Another process took a number that is not the last one any more; the report being sent stays the first.
    const underWay = lane.state === 'taken' ? lane.reports.splice(0, 1) : [];
    lane.reports.sort((a, b) => (a.name < b.name ? -1 : 1)).unshift(...underWay);
  }

  /** Removes the reports that are no longer in the folder. */
  keepOnly(names: ReadonlySet<string>): void {
    this.#known = new Set([...this.#known].filter((name) => names.has(name)));
    for (const [host, lane] of this.#lanes) {
      if (lane.state === 'taken') continue;
      lane.reports.splice(0, Infinity, ...lane.reports.filter(({ name }) => names.has(name)));
      if (lane.reports.length === 0) this.#lanes.delete(host);
    }
  }

  /** A lane that is due; undefined if none is. */
  take(): string | undefined {
    const now = performance.now();
    if (this.isBlocked) return undefined;
    for (const [key, lane] of this.#lanes) {
      if (lane.state === 'taken' || lane.reports.length === 0 || lane.notBefore > now) continue;
      lane.state = 'taken';
      return key;
    }
    return undefined;
  }

  giveBack(key: string): void {
    const lane = this.#lanes.get(key);
    if (!lane) return;
    lane.state = 'free';
    // Behind the others, so that each lane is served.
    this.#lanes.delete(key);
    if (lane.reports.length > 0) this.#lanes.set(key, lane);
  }

  first(key: string): Waiting | undefined {
    return this.#lanes.get(key)?.reports[0];
  }

  done(key: string): void {
    const lane = this.#lanes.get(key);
    lane?.reports.shift();
    if (lane) lane.failures = 0;
  }

  /** The first report of this lane was not accepted. Returns whether it was parked for that. */
  delay(key: string): 'waits' | 'parked' {
    const lane = this.#lanes.get(key);
    if (!lane) return 'waits';
    lane.failures += 1;
    lane.notBefore = performance.now() + this.#wait(lane.failures);
    const [first] = lane.reports;
    if (first === undefined || lane.kind === 'parked' || lane.failures < PARK_AFTER) return 'waits';
    const subject = subjectOf(first.report.body);
    const [parked, others] = [true, false].map((isIt) =>
      lane.reports.filter(({ report }) => (subjectOf(report.body) === subject) === isIt),
    );
    const { failures, notBefore } = lane;
    this.#lanes.set(subject, { kind: 'parked', reports: parked ?? [], state: 'free', failures, notBefore });
    lane.reports.splice(0, Infinity, ...(others ?? []));
    lane.failures = 0;
    lane.notBefore = 0;
    return 'parked';
  }

  block(): void {
    // Several reports that were being sent meet one outage.
    if (this.isBlocked) return;
    this.#outages += 1;
    this.#blockedUntil = performance.now() + this.#wait(this.#outages);
  }

  unblock(): void {
    this.#outages = 0;
    this.#blockedUntil = Number.NEGATIVE_INFINITY;
  }

  /** A new report of this host: it is sent at once, except if its subject is parked. */
  wake(host: string): void {
    this.#blockedUntil = Number.NEGATIVE_INFINITY;
    const lane = this.#lanes.get(host);
    if (lane) lane.notBefore = 0;
  }

  /** Time until `take` can return a lane, ms. */
  untilNext(): number {
    const free = [...this.#lanes.values()].filter(({ state, reports }) => state === 'free' && reports.length > 0);
    const next = Math.min(...free.map(({ notBefore }) => notBefore));
    return Math.max(next, this.#blockedUntil) - performance.now();
  }

  /** Different for each, so that hosts do not all return at the same time. */
  #wait(failures: number): number {
    const full = backoff(failures - 1, { firstMs: FIRST_WAIT_MS, maxMs: this.#maxWaitMs });
    return full * (0.75 + Math.random() / 4);
  }
}

/** The subject of a report. It differs from the name of each host's lane: those contain no blanks. */
function subjectOf({ notification }: NotificationBody): string {
  const { hostname, type, payload } = notification;
  const what =
    'instance_uuid' in payload ? payload.instance_uuid : 'process_name' in payload ? payload.process_name : '';
  return `${hostname} ${type} ${what}`;
}
