/**
 * Sends the requests of one run of a webhook.
 *
 * Invariants: a request is sent at most once, only while the guard finds the lease fresh, and never follows a redirect; nothing waits
 * longer than `ANSWER_MS` or the signal.
 */
import { Agent } from 'undici';
import type { ActGuard } from '#openstack/act-guard.ts';
import { endedBy, exchange, type Outcome } from '#openstack/http/exchange.ts';
import { authorities } from '../authorities.ts';
import type { WebhookRequest } from './request.ts';

/** Maximum time of making a connection: name, TCP and TLS. */
const CONNECT_MS = 10_000;
/** Maximum time of a response; the timeout of the task may be shorter. */
const ANSWER_MS = 300_000;
const MAX_ANSWER_BYTES = 1_048_576;
/** Consecutive confirmations that were stale by the time the request could be sent. */
const MAX_STALE = 3;

export class Connection implements AsyncDisposable {
  readonly #agent: Agent;
  readonly #guard: ActGuard;
  readonly #signal: AbortSignal;

  /** @param caFile empty: the authorities of the system. Throws if the file cannot be used. */
  static open(caFile: string, guard: ActGuard, signal: AbortSignal): Connection {
    return new Connection(authorities(caFile), guard, signal);
  }

  private constructor(ca: string[], guard: ActGuard, signal: AbortSignal) {
    this.#guard = guard;
    this.#signal = signal;
    this.#agent = new Agent({
      connections: 1,
      pipelining: 1,
      allowH2: false,
      headersTimeout: ANSWER_MS,
      bodyTimeout: ANSWER_MS,
      connect: { ca, timeout: CONNECT_MS },
    });
  }

  /** Throws only the guard's error. */
  async send(request: WebhookRequest): Promise<Outcome> {
    let outcome: Outcome = { kind: 'stale' };
    for (let stale = 0; stale < MAX_STALE && outcome.kind === 'stale'; stale++) {
      if (!this.#guard.isFresh()) await this.#guard.confirm();
      outcome = await this.#exchange(request);
    }
    return outcome;
  }

  /** No request is in progress after the end of a run. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }

  #exchange(request: WebhookRequest): Promise<Outcome> {
    const onEnd = endedBy(this.#signal, () => new Error('it was interrupted'));
    const mayLeave = (): boolean => this.#guard.isFresh();
    return exchange(this.#agent, request, { mayLeave, maxBytes: MAX_ANSWER_BYTES, timeoutMs: ANSWER_MS, onEnd });
  }
}
