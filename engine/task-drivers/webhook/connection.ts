/**
 * Sends the requests of one run of a webhook.
 *
 * Invariants: a request leaves at most once, only while the guard finds the reign fresh, and never follows a redirect;
 * nothing waits longer than `ANSWER_MS` or the signal.
 */
import { Agent } from 'undici';
import type { ActGuard } from '../../../cloud/cloud.ts';
import { Exchange, type Outcome } from '../../../http/exchange.ts';
import { authorities } from '../authorities.ts';
import type { WebhookRequest } from './request.ts';

/** Upper bound of making a connection: name, TCP and TLS. */
const CONNECT_MS = 10_000;
/** Upper bound of an answer; the timeout of the task may be shorter. */
const ANSWER_MS = 300_000;
const MAX_ANSWER_BYTES = 1_048_576;
/** Confirmations in a row that were stale by the time the request could leave. */
const MAX_STALE = 3;

export class Connection implements AsyncDisposable {
  readonly #agent: Agent;
  readonly #guard: ActGuard;
  readonly #signal: AbortSignal;

  /** @param caFile empty: the authorities of the system. Throws when the file cannot be used. */
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

  /** Throws only what the guard rejects with. */
  async send(request: WebhookRequest): Promise<Outcome> {
    let outcome: Outcome = { kind: 'stale' };
    for (let stale = 0; stale < MAX_STALE && outcome.kind === 'stale'; stale++) {
      if (!this.#guard.isFresh()) await this.#guard.confirm();
      outcome = await this.#exchange(request);
    }
    return outcome;
  }

  /** Nothing is under way any more when a run ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }

  #exchange({ method, url, headers, body }: WebhookRequest): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const mayLeave = (): boolean => this.#guard.isFresh();
    const exchange = new Exchange({ mayLeave, maxBytes: MAX_ANSWER_BYTES }, resolve);
    const stop = (): void => exchange.end(new Error('it was cut off'));
    const timer = setTimeout(() => exchange.end(new Error(`no answer within ${ANSWER_MS / 1000} s`)), ANSWER_MS);
    this.#signal.addEventListener('abort', stop, { once: true });
    if (this.#signal.aborted) stop();
    else {
      try {
        this.#agent.dispatch({ origin: url.origin, path: url.pathname + url.search, method, headers, body }, exchange);
      } catch (why) {
        exchange.end(why);
      }
    }
    return promise.finally(() => {
      clearTimeout(timer);
      this.#signal.removeEventListener('abort', stop);
    });
  }
}
