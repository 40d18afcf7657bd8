/**
 * Hears from undici what happens to one request.
 *
 * Invariants: a request is written to a socket at most once. `not_sent` and `stale` mean that none of its bytes left;
 * `lost` means that some may have.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

export interface Answer {
  readonly kind: 'answer';
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Outcome =
  | Answer
  /** No byte left: no connection, no time. */
  | { readonly kind: 'not_sent'; readonly why: unknown }
  /** No byte left, because `mayLeave` said no. */
  | { readonly kind: 'stale' }
  /** It left, or may have, and the answer did not arrive whole. */
  | { readonly kind: 'lost'; readonly why: unknown }
  /** It left, and the answer is larger than anything sensible. */
  | { readonly kind: 'oversized'; readonly status: number; readonly bytes: number };

export interface ExchangeSettings {
  /** Asked in the moment before the first byte is written; on false nothing is. */
  readonly mayLeave?: (() => boolean) | undefined;
  /** Of the answer's body. */
  readonly maxBytes: number;
  /** Told when the first byte is about to be written. */
  readonly onLeave?: () => void;
}

/** The first outcome counts. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #settings: ExchangeSettings;
  readonly #resolve: (outcome: Outcome) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #settled = false;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #bytes = 0;
  readonly #chunks: Buffer[] = [];

  constructor(settings: ExchangeSettings, resolve: (outcome: Outcome) => void) {
    this.#settings = settings;
    this.#resolve = resolve;
  }

  /** Ends it from outside. What still waits for a connection will not be written any more. */
  end(why: unknown): void {
    this.#settle({ kind: this.#controller === undefined ? 'not_sent' : 'lost', why });
  }

  /** undici calls this synchronously before it writes the request line (lib/dispatcher/client-h1.js, `writeH1`). */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    // undici may put a request in line again when its connection closes; that one was written already.
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
    const body = Buffer.concat(this.#chunks).toString('utf8');
    this.#settle({ kind: 'answer', status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.end(error);
  }

  #settle(outcome: Outcome): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#chunks.length = 0;
    this.#resolve(outcome);
    if (outcome.kind === 'lost' || outcome.kind === 'oversized') this.#controller?.abort(new Error('given up'));
  }
}
