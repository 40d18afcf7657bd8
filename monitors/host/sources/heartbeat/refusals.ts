/**
 * Logs refused datagrams, at most once a minute and reason, because any host can send any number of them.
 */
import type { Log } from '#protocol/log.ts';
import type { Refusal } from './packet.ts';
import type { Taken } from './register.ts';

type Reason = Refusal | Exclude<Taken, 'new' | 'repeated'>;

const EVERY_MS = 60_000;

const HINTS: Readonly<Record<Reason, string>> = {
  'no heartbeat': 'another program sends to this port',
  'another version': 'it comes from another version of recovery-agent',
  'wrong key': 'its key file differs from the one here',
  replayed: 'it is older than an accepted one: late, or sent again by an attacker',
  'wrong clock': 'set its clock, or allow more with [heartbeat] clock_skew',
  'too many hosts': 'the limit of known hosts is reached',
};

export class RefusalLog {
  readonly #log: Log;
  readonly #reasons = new Map<
    Reason,
    { reportedAt: number; since: number; total: number; from: string; host: string | undefined }
  >();

  constructor(log: Log) {
    this.#log = log;
  }

  add(reason: Reason, from: string, host?: string): void {
    const now = performance.now();
    const known = this.#reasons.get(reason) ?? { reportedAt: Number.NEGATIVE_INFINITY, since: 0, total: 0, from, host };
    const entry = { ...known, since: known.since + 1, total: known.total + 1, from, host };
    this.#reasons.set(reason, entry);
    if (now - entry.reportedAt >= EVERY_MS) this.#logReason(reason, now);
  }

  /** The most frequent reason so far; undefined if nothing was refused. */
  summary(): string | undefined {
    const [most] = [...this.#reasons].sort(([, a], [, b]) => b.total - a.total);
    if (most === undefined) return undefined;
    const [reason, { total, from }] = most;
    return `${total} refused, ${reason}, the last from ${from}: ${HINTS[reason]}`;
  }

  /** Logs the remaining counts. */
  flush(): void {
    for (const reason of this.#reasons.keys()) this.#logReason(reason, performance.now());
  }

  #logReason(reason: Reason, now: number): void {
    const entry = this.#reasons.get(reason);
    if (entry === undefined || entry.since === 0) return;
    const { from, host, since } = entry;
    this.#log('warning', `heartbeats refused, ${reason}: ${HINTS[reason]}`, { datagrams: since, from, host });
    this.#reasons.set(reason, { ...entry, reportedAt: now, since: 0 });
  }
}
