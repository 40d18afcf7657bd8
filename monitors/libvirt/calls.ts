/**
 * The unanswered calls of one connection.
 *
 * Invariants: every call ends: with its reply, with libvirt's refusal, with its timeout, with its signal, or with the
 * connection. A reply that arrives after its call has ended is ignored.
 */
import { MESSAGE_STATUS } from './constants.ts';
import { ConnectionLost, LibvirtRefusal, NoAnswer } from './errors.ts';
import type { Message } from './message.ts';
import { XdrReader } from './xdr.ts';

export interface Limits {
  readonly timeoutMs: number;
  /** Called at the timeout; returns the error of the call. */
  readonly onLate: () => Error;
  readonly signal?: AbortSignal | undefined;
}

interface Call {
  readonly resolve: (reader: XdrReader) => void;
  readonly reject: (reason: Error) => void;
}

export class Calls {
  readonly #open = new Map<number, Call>();
  #serial = 0;

  /** @param send receives the serial number of the reply */
  async make(send: (serial: number) => void, { timeoutMs, onLate, signal }: Limits): Promise<XdrReader> {
    signal?.throwIfAborted();
    // An unsigned word on the wire.
    this.#serial = (this.#serial + 1) >>> 0;
    const serial = this.#serial;
    const { promise, resolve, reject } = Promise.withResolvers<XdrReader>();
    this.#open.set(serial, { resolve, reject });
    const timer = setTimeout(() => reject(onLate()), timeoutMs);
    const stop = (): void => reject(new NoAnswer('The call to libvirt was cancelled.', { cause: signal?.reason }));
    signal?.addEventListener('abort', stop, { once: true });
    try {
      send(serial);
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      this.#open.delete(serial);
    }
  }

  answer({ serial, status, body }: Message): void {
    const call = this.#open.get(serial);
    if (call === undefined) return;
    if (status === MESSAGE_STATUS.ok) call.resolve(new XdrReader(body));
    else call.reject(readRefusal(body));
  }

  endAll(reason: Error): void {
    for (const { reject } of this.#open.values()) reject(reason);
  }
}

/** virNetMessageError starts with the code, the part of libvirt that failed, and the text. */
function readRefusal(body: Buffer): Error {
  try {
    const reader = new XdrReader(body);
    const code = reader.int();
    reader.int();
    return new LibvirtRefusal(code, reader.optionalText() ?? `error ${code}`);
  } catch (error) {
    return new ConnectionLost('libvirtd refused a call without a reason.', { cause: error });
  }
}
