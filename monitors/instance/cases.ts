/**
 * A case: one failure from its discovery to the outbox. It is given time to mend by itself, libvirt is asked whether it is
 * still so, Nova whether it matters, and then it is reported.
 *
 * Invariants: an instance has one case at a time; what is remembered of it advances only once its report is durable, so a
 * death of this process leaves the failure to be found again; every case ends, at the latest with the signal; a report is
 * given up for nothing but the instance's own recovery.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { STATE } from '../libvirt/constants.ts';
import type { DomainName } from '../libvirt/domain-name.ts';
import { type DomainState, isRunning } from '../libvirt/domains.ts';
import type { MonitorContext } from '../monitor.ts';
import { type FailureKind, isDeath, notificationOf } from './failure.ts';
import { afterReport, afterVerdict } from './known-domain.ts';
import type { Memory } from './memory.ts';
import { judgeNova } from './nova-verdict.ts';
import { Turns } from './turns.ts';
import type { Verdict } from './verdict.ts';

export interface CaseTimes {
  /** For a failure that may mend by itself; on_crash=restart took 10 ms, libvirtd needs up to 2 s to end a guest. */
  readonly mendMs: number;
  /** For an answer of Nova. */
  readonly askMs: number;
  /** Between two questions to Nova when it cannot tell yet, and for all of them. */
  readonly askAgainMs: number;
  readonly uncertainMs: number;
  /** First and longest pause before a report that failed is tried again. */
  readonly retryMs: readonly [first: number, longest: number];
}

export const CASE_TIMES: CaseTimes = {
  mendMs: 3000,
  askMs: 15_000,
  askAgainMs: 5000,
  uncertainMs: 120_000,
  retryMs: [1000, 30_000],
};

/** Failures that are asked about and reported at the same time. */
const AT_ONCE = 16;

export interface Failure {
  readonly domain: DomainName;
  readonly kind: FailureKind;
  readonly life: number;
  readonly at: number;
  readonly certainty: 'certain' | 'uncertain';
  readonly mends: 'never' | 'maybe';
}

/** What libvirt says when asked now. `lost`: it cannot be asked. */
export type AskLibvirt = (domain: DomainName) => Promise<DomainState | 'gone' | 'lost'>;

type OrderlyVerdict = Exclude<Verdict, { verdict: 'failed' }>;

interface Case {
  failure: Failure;
  /** Aborted when it need not be reported any more. */
  readonly dropped: AbortController;
  /** Aborted when nothing is left to wait for: it ended for good. */
  readonly settled: AbortController;
  /** What it did while this failure was on its way to the outbox, and how it failed after that. */
  heard: OrderlyVerdict | undefined;
  next: Failure | undefined;
  isReporting: boolean;
  hasEnded: boolean;
}

export class Cases {
  readonly #context: MonitorContext;
  readonly #memory: Memory;
  readonly #askLibvirt: AskLibvirt;
  readonly #panicEvent: () => string;
  readonly #times: CaseTimes;
  readonly #open = new Map<string, Case>();
  readonly #running = new Set<Promise<void>>();
  readonly #turns = new Turns(AT_ONCE);

  constructor(
    context: MonitorContext,
    memory: Memory,
    askLibvirt: AskLibvirt,
    panicEvent: () => string,
    times: CaseTimes = CASE_TIMES,
  ) {
    this.#context = context;
    this.#memory = memory;
    this.#askLibvirt = askLibvirt;
    this.#panicEvent = panicEvent;
    this.#times = times;
  }

  has(uuid: string): boolean {
    return this.#open.has(uuid);
  }

  /** Resolves when no case is left. */
  async ended(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  open(failure: Failure): void {
    const { uuid } = failure.domain;
    const open = this.#open.get(uuid);
    if (open === undefined) this.#begin(failure);
    else if (open.isReporting) this.#queue(open, failure);
    else if (isDeath(open.failure.kind)) this.#settleBy(open, failure);
    else if (isDeath(failure.kind)) {
      // It stood still, and now it is dead: that is what is reported.
      open.dropped.abort();
      this.#begin(failure);
    }
  }

  #queue(open: Case, failure: Failure): void {
    const { heard } = open;
    if (heard?.verdict === 'running') {
      // What is remembered is of the life before, and so is the life of an event that carries none.
      const life = failure.life === open.failure.life ? heard.life : failure.life;
      open.next = { ...failure, life };
    } else if (isDeath(failure.kind) && !isDeath(open.failure.kind)) {
      open.next = failure;
    } else {
      this.#settleBy(open, failure);
    }
  }

  /** The panic and the end that libvirt puts to it are one failure. */
  #settleBy(open: Case, failure: Failure): void {
    if (!isDeath(open.failure.kind) || failure.mends !== 'never' || failure.life !== open.failure.life) return;
    open.hasEnded = true;
    open.settled.abort();
  }

  /** An instance with a case does something that is no failure. */
  hear(domain: DomainName, verdict: OrderlyVerdict): void {
    const open = this.#open.get(domain.uuid);
    if (open === undefined) return;
    const isOver = verdict.verdict === 'off' || (verdict.verdict === 'running' && open.failure.kind !== 'disk-error');
    if (!isOver) return;
    if (open.isReporting) {
      open.heard = verdict;
      open.next = undefined;
      return;
    }
    const what = verdict.verdict === 'running' ? 'runs again' : 'was ended in order';
    this.#context.log('info', `Instance ${domain.uuid} ${what} before its failure was reported; nothing is reported.`, {
      instance: domain.uuid,
      failure: open.failure.kind,
    });
    open.dropped.abort();
    this.#open.delete(domain.uuid);
    this.#remember(domain.uuid, afterVerdict(this.#memory.get(domain.uuid), verdict, domain.name, Date.now()));
  }

  #begin(failure: Failure): void {
    const one: Case = {
      failure,
      dropped: new AbortController(),
      settled: new AbortController(),
      heard: undefined,
      next: undefined,
      isReporting: false,
      hasEnded: false,
    };
    this.#open.set(failure.domain.uuid, one);
    const run = this.#run(one)
      .catch((error: unknown) => {
        if (one.dropped.signal.aborted || this.#context.signal.aborted) return;
        this.#context.log(
          'error',
          `The failure of instance ${failure.domain.uuid} could not be worked on; it is found again.`,
          {
            reason: error instanceof Error ? error.message : String(error),
          },
        );
      })
      .finally(() => {
        this.#running.delete(run);
        if (this.#open.get(failure.domain.uuid) !== one) return;
        this.#open.delete(failure.domain.uuid);
        if (one.next && !this.#context.signal.aborted) this.#begin(one.next);
      });
    this.#running.add(run);
  }

  async #run(one: Case): Promise<void> {
    const { log } = this.#context;
    const { domain, kind } = one.failure;
    log('warning', `Instance ${domain.uuid} (${domain.name}) failed: ${kind}.`, {
      instance: domain.uuid,
      failure: kind,
    });
    if (one.failure.mends === 'maybe') await this.#letMend(one);
    const end = AbortSignal.any([one.dropped.signal, this.#context.signal]);
    if (!(await this.#isStillSo(one))) return;
    end.throwIfAborted();
    const verdict = await this.#judge(one, end);
    end.throwIfAborted();
    if (verdict === 'no failure') {
      this.#settle(one, []);
      return;
    }
    const failure: Failure = { ...one.failure, kind: verdict };
    one.isReporting = true;
    await this.#turns.take(() => this.#report(failure), this.#context.signal);
    this.#settle(one, [verdict]);
    log('warning', `Reported: instance ${domain.uuid} (${domain.name}), ${verdict}.`, {
      instance: domain.uuid,
      after_ms: Date.now() - failure.at,
    });
  }

  async #letMend(one: Case): Promise<void> {
    const wake = AbortSignal.any([one.dropped.signal, one.settled.signal, this.#context.signal]);
    await delay(this.#times.mendMs, undefined, { signal: wake }).catch(() => {});
    one.dropped.signal.throwIfAborted();
    this.#context.signal.throwIfAborted();
  }

  async #isStillSo(one: Case): Promise<boolean> {
    const { domain, kind, life } = one.failure;
    if (kind === 'disk-error') return true;
    const now = await this.#askLibvirt(domain);
    if (one.dropped.signal.aborted) return false;
    if (now === 'lost' || now === 'gone') {
      // An end stays an end. What stands still is listed again when libvirtd is back, and found again then.
      return one.failure.mends === 'never' || one.hasEnded;
    }
    const isUp = isRunning(now);
    const isDown = now.state === STATE.shutoff || now.state === STATE.crashed || now.state === STATE.shutdown;
    // Somebody starts it again, if it has not come further than that.
    if (isUp || (one.failure.mends === 'never' && !isDown)) {
      this.hear({ ...domain, id: life }, { verdict: 'running', life });
      return false;
    }
    if (now.state === STATE.shutoff && !isDeath(kind)) return false;
    if (now.state === STATE.shutoff) one.hasEnded = true;
    return true;
  }

  /** As what it is to be reported. */
  async #judge(one: Case, signal: AbortSignal): Promise<FailureKind | 'no failure'> {
    const { domain, certainty, kind } = one.failure;
    const { node, log } = this.#context;
    const deadline = performance.now() + this.#times.uncertainMs;
    for (;;) {
      const facts = await this.#turns.take(() => this.#askNova(domain.uuid), signal);
      const { verdict, reason } = judgeNova(facts, node, certainty, Date.now() - one.failure.at);
      signal.throwIfAborted();
      if (verdict === 'failure') return kind === 'unexplained' ? 'killed' : kind;
      if (verdict === 'no failure') {
        log('info', `Instance ${domain.uuid} (${domain.name}) is no failure: ${reason}.`, {
          instance: domain.uuid,
          failure: kind,
        });
        return verdict;
      }
      if (performance.now() > deadline) return certainty === 'certain' ? kind : 'unexplained';
      await delay(this.#times.askAgainMs, undefined, { signal });
    }
  }

  async #askNova(uuid: string): ReturnType<MonitorContext['askInstance']> {
    const timeout = new AbortController();
    const end = AbortSignal.any([timeout.signal, this.#context.signal]);
    try {
      return await Promise.race([
        this.#context.askInstance(uuid),
        delay(this.#times.askMs, undefined, { signal: end }).catch(() => undefined),
      ]);
    } finally {
      timeout.abort();
    }
  }

  /** Tries until the report is durable or the monitor ends. */
  async #report(failure: Failure): Promise<void> {
    const { node, signal, log } = this.#context;
    const [first, longest] = this.#times.retryMs;
    const { domain, kind, at } = failure;
    const body = notificationOf({ uuid: domain.uuid, kind, at }, node, this.#panicEvent());
    for (let pause = first; ; pause = Math.min(pause * 2, longest)) {
      signal.throwIfAborted();
      try {
        return await this.#context.report(body);
      } catch (error) {
        log('error', `The failure of instance ${domain.uuid} could not be put into the outbox; it is tried again.`, {
          reason: error instanceof Error ? error.message : String(error),
        });
      }
      await delay(pause, undefined, { signal });
    }
  }

  #settle(one: Case, reported: readonly FailureKind[]): void {
    const { domain, kind, life, mends } = one.failure;
    const known = this.#memory.get(domain.uuid);
    const isOff = one.hasEnded || (isDeath(kind) && mends === 'never');
    const counted = reported[0] ?? kind;
    // One that is no failure is not looked at again in this life either.
    const settled = afterReport(known, { name: domain.name, life, kind: counted }, isOff ? 'off' : 'on', Date.now());
    this.#remember(domain.uuid, one.heard ? afterVerdict(settled, one.heard, domain.name, Date.now()) : settled);
  }

  #remember(uuid: string, known: ReturnType<Memory['get']>): void {
    this.#memory.set(uuid, known);
    this.#memory.save().catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      this.#context.log('error', 'What is known of the instances could not be saved.', { reason });
    });
  }
}
