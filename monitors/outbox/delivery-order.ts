/**
 * Which report goes next: one lane for each host, in the order of writing, and when a lane, or all, may be tried again.
 *
 * Invariants: of one host there is one report under way, the oldest. A report that was done does not come back. One that
 * fails again and again keeps back only what tells of the same thing: it is parked in a lane of its own, with all later ones of
 * its subject behind it, and the others of its host go on.
 */
import type { NotificationBody } from '#protocol/notification.ts';
import type { Report } from './report-file.ts';

export interface Waiting {
  readonly name: string;
  readonly report: Report;
  attempts: number;
  /** How often it was not sent because nobody could tell whether it is still so. */
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
/** Failures in a row before a report is parked; with the delivered waits that is after 8 s. */
const PARK_AFTER = 5;

export class Lanes {
  readonly #maxWaitMs: number;
  readonly #lanes = new Map<string, Lane>();
  /** All that the folder holds, those done and not yet gone included. */
  #known = new Set<string>();
  #outages = 0;
  #blockedUntil = Number.NEGATIVE_INFINITY;

  constructor(maxWaitMs: number) {
    this.#maxWaitMs = maxWaitMs;
  }

  get size(): number {
    return [...this.#lanes.values()].reduce((sum, { reports }) => sum + reports.length, 0);
  }

  /** Nobody takes anything at the moment. */
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
    // One that was under way while another process had the turn.
    if (lane.state === 'taken' && lane.reports.some(({ name }) => name === waiting.name)) return;
    const last = lane.reports.at(-1);
    lane.reports.push(waiting);
    if (last === undefined || last.name < waiting.name) return;
    // Another process took a number that is not the last one any more; what is under way stays the first.
    const underWay = lane.state === 'taken' ? lane.reports.splice(0, 1) : [];
    lane.reports.sort((a, b) => (a.name < b.name ? -1 : 1)).unshift(...underWay);
  }

  /** Forgets what is not in the folder any more. */
  keepOnly(names: ReadonlySet<string>): void {
    this.#known = new Set([...this.#known].filter((name) => names.has(name)));
    for (const [host, lane] of this.#lanes) {
      if (lane.state === 'taken') continue;
      lane.reports.splice(0, Infinity, ...lane.reports.filter(({ name }) => names.has(name)));
      if (lane.reports.length === 0) this.#lanes.delete(host);
    }
  }

  /** A lane whose turn it is; undefined when none is. */
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
    // Behind the others, so that each has its turn.
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

  /** The first report of this lane could not be taken. Says whether it was parked for that. */
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
    // Several that were under way meet one outage.
    if (this.isBlocked) return;
    this.#outages += 1;
    this.#blockedUntil = performance.now() + this.#wait(this.#outages);
  }

  unblock(): void {
    this.#outages = 0;
    this.#blockedUntil = Number.NEGATIVE_INFINITY;
  }

  /** There is news of this host: it is tried at once, but for what is parked. */
  wake(host: string): void {
    this.#blockedUntil = Number.NEGATIVE_INFINITY;
    const lane = this.#lanes.get(host);
    if (lane) lane.notBefore = 0;
  }

  /** How long until `take` can have something, ms. */
  untilNext(): number {
    const free = [...this.#lanes.values()].filter(({ state, reports }) => state === 'free' && reports.length > 0);
    const next = Math.min(...free.map(({ notBefore }) => notBefore));
    return Math.max(next, this.#blockedUntil) - performance.now();
  }

  /** Somewhat different for each, so that hosts do not all come back in the same instant. */
  #wait(failures: number): number {
    const full = Math.min(this.#maxWaitMs, FIRST_WAIT_MS * 2 ** Math.min(failures - 1, 20));
    return full * (0.75 + Math.random() / 4);
  }
}

/** What a report tells of. No name of a lane of a host: those hold no blanks. */
function subjectOf({ notification }: NotificationBody): string {
  const { hostname, type, payload } = notification;
  const what =
    'instance_uuid' in payload ? payload.instance_uuid : 'process_name' in payload ? payload.process_name : '';
  return `${hostname} ${type} ${what}`;
}
