/**
 * One HTTP request over a dispatcher of undici, and what happened to it.
 *
 * Invariants: a request is written to a socket at most once. `not_sent` and `stale` mean that no byte of it was sent; `lost` means that
 * some may have been sent.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

export interface Answer {
  readonly kind: 'answer';
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** The response as it was received, for a caller that decodes it. */
export interface RawAnswer extends Omit<Answer, 'body'> {
  readonly body: Buffer;
}

/** What happened to a request, with or without a response. */
export type OutcomeOf<A> =
  | A
  /** No byte was sent: no connection, no time. */
  | { readonly kind: 'not_sent'; readonly why: unknown }
  /** No byte was sent, because `mayLeave` returned false. */
  | { readonly kind: 'stale' }
  /** The request was sent, or may have been, and the response did not arrive completely. */
  | { readonly kind: 'lost'; readonly why: unknown }
  /** The request was sent, and the response is larger than any valid one. */
  | { readonly kind: 'oversized'; readonly status: number; readonly bytes: number };

export interface ExchangeSettings {
  /** Called immediately before the first byte is written; on false nothing is written. */
  readonly mayLeave?: (() => boolean) | undefined;
  /** Of the response body. */
  readonly maxBytes: number;
  /** Called when the first byte is about to be written. */
  readonly onLeave?: () => void;
}

export type Outcome = OutcomeOf<Answer>;
export type RawOutcome = OutcomeOf<RawAnswer>;

/** The first outcome counts. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #settings: ExchangeSettings;
  readonly #resolve: (outcome: RawOutcome) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #settled = false;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #bytes = 0;
  readonly #chunks: Buffer[] = [];

  constructor(settings: ExchangeSettings, resolve: (outcome: RawOutcome) => void) {
    this.#settings = settings;
    this.#resolve = resolve;
  }

  /** Ends the exchange from outside. A request that still waits for a connection is not written any more. */
  end(why: unknown): void {
    this.#settle({ kind: this.#controller === undefined ? 'not_sent' : 'lost', why });
  }

  /** undici calls this synchronously before it writes the request line (lib/dispatcher/client-h1.js, `writeH1`). */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    // undici may queue a request again when its connection closes; that one was written already.
    if (this.#controller !== undefined) this.end(new Error('the connection closed'));
    else if (this.#settings.mayLeave?.() === false) this.#settle({ kind: 'stale' });
    if (this.#settled) {
      controller.abort(new Error('must not be written'));
      return;
    }
    this.#controller = controller;
    this.#settings.onLeave?.();
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    const { maxBytes } = this.#settings;
    if (this.#bytes > maxBytes) this.#settle({ kind: 'oversized', status: this.#status, bytes: maxBytes });
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const body = Buffer.concat(this.#chunks);
    this.#settle({ kind: 'answer', status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.end(error);
  }

  #settle(outcome: RawOutcome): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#chunks.length = 0;
    this.#resolve(outcome);
    if (outcome.kind === 'lost' || outcome.kind === 'oversized') this.#controller?.abort(new Error('cancelled'));
  }
}

export interface ExchangeRequest {
  readonly method: Dispatcher.HttpMethod;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export interface ExchangeBounds extends ExchangeSettings {
  /** From the request for a connection to the last byte of the response; without it `onEnd` alone bounds the exchange. */
  readonly timeoutMs?: number;
  /** Registers what ends the exchange early, and returns what forgets it; it may call at once. */
  readonly onEnd: (end: (why: unknown) => void) => () => void;
}

/** Sends a request and receives its response as bytes. Does not throw: what went wrong is part of the outcome. */
export async function exchangeRaw(
  dispatcher: Dispatcher,
  { method, url, headers, body }: ExchangeRequest,
  { timeoutMs, onEnd, ...settings }: ExchangeBounds,
): Promise<RawOutcome> {
  const { promise, resolve } = Promise.withResolvers<RawOutcome>();
  const exchange = new Exchange(settings, resolve);
  const timer =
    timeoutMs && setTimeout(() => exchange.end(new Error(`no response within ${timeoutMs / 1000} s`)), timeoutMs);
  const forget = onEnd((why) => exchange.end(why));
  try {
    dispatcher.dispatch({ origin: url.origin, path: url.pathname + url.search, method, headers, body }, exchange);
  } catch (why) {
    exchange.end(why);
  }
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    forget();
  }
}

/** The same for a response that is text. */
export async function exchange(
  dispatcher: Dispatcher,
  request: ExchangeRequest,
  bounds: ExchangeBounds,
): Promise<Outcome> {
  const outcome = await exchangeRaw(dispatcher, request, bounds);
  return outcome.kind === 'answer' ? { ...outcome, body: outcome.body.toString('utf8') } : outcome;
}

/** Ends an exchange with the error when the signal is aborted. */
export function endedBy(signal: AbortSignal, why: () => unknown): ExchangeBounds['onEnd'] {
  return (end) => {
    const stop = (): void => end(why());
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    return () => signal.removeEventListener('abort', stop);
  };
}
