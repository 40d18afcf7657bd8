/**
 * Delivers the reports of the outbox.
 *
 * Invariants: reports of one host are sent one after the other in the order of writing. They do not delay reports of other hosts,
 * and a report that is never accepted does not block its host (see delivery-order.ts). A report is removed only after its
 * acknowledgement, after its own monitor found that the failure is over, or into the folder of those set aside. An old report is
 * rechecked immediately before it is sent. The death of a host that cannot be confirmed then is held: the host may be alive again,
 * and an engine would start its instances a second time. An old report is sent without its proof: the host may be back since.
 */

import { type FSWatcher, watch } from 'node:fs';
import type { ReportedProof } from '#protocol/death-proof.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { Log } from '#protocol/log.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import type { Recheck } from '../service/monitor.ts';
import { ageAt, isStale, type Moment, momentNow } from './age.ts';
import { Turn } from './delivery-lock.ts';
import { Lanes, type Waiting } from './delivery-order.ts';
import type { Outbox } from './outbox.ts';
import type { Report } from './report-file.ts';
import type { Sent, Target } from './targets/target.ts';

export interface DeliveryParts {
  readonly outbox: Outbox;
  readonly target: Target;
  readonly log: Log;
  /** Calls the monitor that made the report; `unknown` if that monitor does not run in this process. */
  readonly recheck: (body: NotificationBody, proof: ReportedProof) => Promise<Recheck>;
  readonly staleAfterMs: number;
  readonly retryIntervalMs: number;
  readonly now?: () => Moment;
}

/** Interval of the scans for reports of other processes, and for a turn that a dead process left. */
const SCAN_MS = 5_000;
/** A recheck sends pings and queries; after this time its result is `unknown`. */
const RECHECK_MS = 30_000;
/** Interval at which an outage is logged again, so that the log of each day contains it. */
const REMIND_MS = 15 * 60_000;
/** Time for the responses to open requests when the monitor stops; a report without one is sent again. */
const STOP_MS = 3_000;
const MAX_UNDER_WAY = 8;

export class Delivery {
  readonly #parts: DeliveryParts;
  readonly #now: () => Moment;
  readonly #turn: Turn;
  readonly #lanes: Lanes;
  readonly #underWay = new Set<Promise<void>>();
  #kick = Promise.withResolvers<void>();
  #isChanged = true;
  #scannedAt = Number.NEGATIVE_INFINITY;
  #isOurTurn = false;
  #trouble: { readonly reason: string; readonly reportedAt: number } | undefined;
  #scanFault: string | undefined;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
    this.#now = parts.now ?? momentNow;
    this.#turn = new Turn(parts.outbox.folder);
    this.#lanes = new Lanes(parts.retryIntervalMs);
    parts.outbox.onPut(({ notification }) => {
      this.#isChanged = true;
      // A new report may be the sign that the network is back.
      this.#lanes.wake(notification.hostname);
      this.#kick.resolve();
    });
  }

  /** Waiting reports that this process has read. */
  get waiting(): number {
    return this.#lanes.size;
  }

  /** Delivers until the signal; open requests have a few seconds to end. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const watcher = this.#watch();
    const stop = (): void => this.#kick.resolve();
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted) {
        this.#kick = Promise.withResolvers();
        await this.#scanIfDue();
        if (signal.aborted) break;
        if (this.#isOurTurn) this.#begin(signal);
        await this.#pause();
      }
      await this.#settle();
    } finally {
      signal.removeEventListener('abort', stop);
      watcher?.close();
      await this.#turn.leave().catch(() => {});
    }
  }

  async #settle(): Promise<void> {
    const limit = Promise.withResolvers<void>();
    const timer = setTimeout(() => limit.resolve(), STOP_MS);
    await Promise.race([Promise.allSettled(this.#underWay), limit.promise]);
    clearTimeout(timer);
  }

  /** Reports of other processes wake it at once if the kernel reports the change; else the next scan finds them. */
  #watch(): FSWatcher | undefined {
    try {
      const watcher = watch(this.#parts.outbox.folder, { persistent: false }, (_, name) => {
        if (!name?.endsWith('.report') || this.#lanes.knows(name)) return;
        this.#isChanged = true;
        this.#kick.resolve();
      });
      watcher.on('error', () => watcher.close());
      return watcher;
    } catch {
      return undefined;
    }
  }

  async #scanIfDue(): Promise<void> {
    if (!this.#isChanged && performance.now() - this.#scannedAt < this.#scanInterval) return;
    this.#isChanged = false;
    this.#scannedAt = performance.now();
    const { outbox, log } = this.#parts;
    try {
      this.#isOurTurn = await this.#turn.isOurs();
      const names = this.#isOurTurn ? await outbox.names() : [];
      this.#lanes.keepOnly(new Set(names));
      for (const name of names) {
        if (this.#lanes.knows(name)) continue;
        const report = await outbox.read(name);
        if (report) this.#lanes.add({ name, report, attempts: 0, holds: 0 });
      }
      this.#scanFault = undefined;
    } catch (error) {
      const reason = errorMessage(error);
      if (reason !== this.#scanFault) log('error', 'the outbox cannot be read', { outbox: outbox.folder, reason });
      this.#scanFault = reason;
    }
  }

  get #scanInterval(): number {
    return Math.min(SCAN_MS, this.#parts.retryIntervalMs);
  }

  async #pause(): Promise<void> {
    const untilScan = this.#scannedAt + this.#scanInterval - performance.now();
    const untilLane = this.#isOurTurn && this.#underWay.size < MAX_UNDER_WAY ? this.#lanes.untilNext() : untilScan;
    const timer = setTimeout(() => this.#kick.resolve(), Math.max(10, Math.min(untilScan, untilLane)));
    await this.#kick.promise;
    clearTimeout(timer);
  }

  #begin(signal: AbortSignal): void {
    while (this.#underWay.size < MAX_UNDER_WAY) {
      const lane = this.#lanes.take();
      if (lane === undefined) return;
      const work = this.#work(lane, signal)
        .catch((error: unknown) => {
          // A lack of descriptors, or a bug of this program: the report is kept and retried.
          const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
          this.#parts.log('error', 'the delivery failed', { lane, reason });
          this.#lanes.delay(lane);
        })
        .finally(() => {
          this.#underWay.delete(work);
          this.#lanes.giveBack(lane);
          this.#kick.resolve();
        });
      this.#underWay.add(work);
    }
  }

  /** Sends the reports of one lane, until one is not accepted. */
  async #work(lane: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#isOurTurn) {
      const waiting = this.#lanes.first(lane);
      if (!waiting || this.#lanes.isBlocked) return;
      const how = await this.#deliver(waiting, signal);
      if (how === 'later') {
        if (this.#lanes.delay(lane) === 'parked') {
          this.#logLine(
            'error',
            'a notification that is not accepted is parked; others of its host are sent before it',
            waiting,
          );
        }
        return;
      }
      if (how === 'away') return;
      this.#lanes.done(lane);
    }
  }

  async #deliver(waiting: Waiting, signal: AbortSignal): Promise<'done' | 'later' | 'away'> {
    const { outbox, target, staleAfterMs } = this.#parts;
    const { name, report } = waiting;
    const fault = await target.reach();
    if (fault !== undefined) return this.#isAway(fault);
    const isOld = isStale(ageAt(this.#now(), report.written), staleAfterMs);
    if (isOld) {
      const word = await this.#recheck(report, signal);
      if (signal.aborted) return 'away';
      if (word === 'unknown' && isProvenDeath(report.body)) return this.#hold(waiting);
      if (isMilestone(waiting.attempts)) this.#logLine('info', `an old report was rechecked: ${word}`, waiting);
      if (word === 'over') return this.#end(waiting);
    }
    if (!(await outbox.has(name))) return 'done';
    waiting.attempts += 1;
    const { ms } = ageAt(this.#now(), report.written);
    const proof = isOld ? 'none' : report.proof;
    return this.#conclude(waiting, await target.send(report.body, { ageMs: ms, attempts: waiting.attempts, proof }));
  }

  #hold(waiting: Waiting): 'later' {
    waiting.holds += 1;
    if (isMilestone(waiting.holds)) {
      const what = 'an old report of a dead host is held until the state of the host is known';
      this.#logLine('warning', `${what}; if the host is still dead, report it with "recovery-agent notify"`, waiting);
    }
    return 'later';
  }

  async #conclude(waiting: Waiting, sent: Sent): Promise<'done' | 'later' | 'away'> {
    switch (sent.outcome) {
      case 'away':
        return this.#isAway(sent.reason);
      case 'failed':
        if (isMilestone(waiting.attempts)) {
          this.#logLine('warning', `a notification was not accepted and is retried: ${sent.reason}`, waiting);
        }
        return 'later';
      case 'refused':
        this.#isBack();
        await this.#parts.outbox.setAside(waiting.name, `it is refused: ${sent.reason}`);
        return 'done';
      case 'declined':
        this.#isBack();
        this.#logLine('warning', `a notification was declined: ${sent.reason}`, waiting);
        return this.#end(waiting);
      case 'accepted':
        this.#isBack();
        this.#logLine('info', `notification delivered: ${sent.answer}`, waiting);
        return this.#end(waiting);
    }
  }

  /** A report that could not be removed is marked as done in this process. The engine recognizes it if the next process sends it again. */
  async #end({ name }: Waiting): Promise<'done'> {
    try {
      await this.#parts.outbox.remove(name);
    } catch (error) {
      const reason = errorMessage(error);
      this.#parts.log('error', 'a delivered report cannot be removed; after a restart it is sent again', {
        file: name,
        reason,
      });
    }
    return 'done';
  }

  async #recheck({ body, proof }: Report, signal: AbortSignal): Promise<Recheck> {
    const limit = Promise.withResolvers<Recheck>();
    const give = (): void => limit.resolve('unknown');
    const timer = setTimeout(give, RECHECK_MS);
    signal.addEventListener('abort', give);
    try {
      return await Promise.race([this.#parts.recheck(body, proof).catch((): Recheck => 'unknown'), limit.promise]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', give);
    }
  }

  #isAway(reason: string): 'away' {
    this.#lanes.block();
    const now = performance.now();
    if (this.#trouble?.reason === reason && now - this.#trouble.reportedAt < REMIND_MS) return 'away';
    this.#trouble = { reason, reportedAt: now };
    this.#parts.log('warning', `notifications wait: ${reason}`, { waiting: this.waiting });
    return 'away';
  }

  #isBack(): void {
    this.#lanes.unblock();
    if (!this.#trouble) return;
    this.#trouble = undefined;
    this.#parts.log('info', 'notifications are delivered again', { to: this.#parts.target.description });
  }

  #logLine(level: 'info' | 'warning' | 'error', text: string, { report, attempts }: Waiting): void {
    const { type, hostname } = report.body.notification;
    const age = Math.round(ageAt(this.#now(), report.written).ms / 1000);
    this.#parts.log(level, text, { type, host: hostname, age_seconds: age, attempts });
  }
}

/** With increasing intervals: 0, 1, 2, 4, 8 … */
function isMilestone(count: number): boolean {
  return (count & (count - 1)) === 0;
}

/** Engines evacuate a host on such a report and on no other. */
function isProvenDeath({ notification }: NotificationBody): boolean {
  if (notification.type !== 'COMPUTE_HOST') return false;
  const { event, host_status } = notification.payload;
  return event === 'STOPPED' && host_status === 'NORMAL';
}
