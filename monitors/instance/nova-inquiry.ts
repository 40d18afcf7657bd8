/**
 * Asks Nova whether a failure matters, again and again until it can tell or there was enough time.
 *
 * Invariants: each question takes a turn, so that no more are asked at once than there are turns; a Nova that does not answer keeps a certain failure from being
 * reported for no longer than `askMs` and `uncertainMs` allow.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { InstanceFacts, MonitorContext } from '../monitor.ts';
import type { CaseTimes } from './case-times.ts';
import type { Failure, FailureKind } from './failure.ts';
import { judgeNova } from './nova-verdict.ts';
import type { Turns } from './turns.ts';

export class NovaInquiry {
  readonly #context: MonitorContext;
  readonly #turns: Turns;
  readonly #times: CaseTimes;

  constructor(context: MonitorContext, turns: Turns, times: CaseTimes) {
    this.#context = context;
    this.#turns = turns;
    this.#times = times;
  }

  /** As what the failure is to be reported. Throws with the signal. */
  async kindOf({ domain, certainty, kind, at }: Failure, signal: AbortSignal): Promise<FailureKind | 'no failure'> {
    const { node, log } = this.#context;
    const deadline = performance.now() + this.#times.uncertainMs;
    for (;;) {
      const facts = await this.#turns.take(() => this.#ask(domain.uuid), signal);
      const { verdict, reason } = judgeNova(facts, node, certainty, Date.now() - at);
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

  async #ask(uuid: string): Promise<InstanceFacts | undefined> {
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
}
