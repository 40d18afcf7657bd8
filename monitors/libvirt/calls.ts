/**
 * The calls of one connection that have no answer yet.
 *
 * Invariants: every call ends: with its reply, with libvirt's refusal, when its time is up, with its signal, or with the
 * connection; an answer that comes after its call has ended is passed over.
 */
import { MESSAGE_STATUS } from './constants.ts';
import { ConnectionLost, LibvirtRefusal, NoAnswer } from './errors.ts';
import type { Message } from './message.ts';
import { XdrReader } from './xdr.ts';

export interface Limits {
  readonly timeoutMs: number;
  /** Called when the time is up; returns what the call then fails with. */
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

  /** @param send given the number under which the answer will come */
  async make(send: (serial: number) => void, { timeoutMs, onLate, signal }: Limits): Promise<XdrReader> {
    signal?.throwIfAborted();
    // An unsigned word on the wire.
    this.#serial = (this.#serial + 1) >>> 0;
    const serial = this.#serial;
    const { promise, resolve, reject } = Promise.withResolvers<XdrReader>();
    this.#open.set(serial, { resolve, reject });
    const timer = setTimeout(() => reject(onLate()), timeoutMs);
    const stop = (): void => reject(new NoAnswer('The call to libvirt was given up.', { cause: signal?.reason }));
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

/** virNetMessageError begins with the code, the part of libvirt that speaks, and its words. */
function readRefusal(body: Buffer): Error {
  try {
    const reader = new XdrReader(body);
    const code = reader.int();
    reader.int();
    return new LibvirtRefusal(code, reader.optionalText() ?? `error ${code}`);
  } catch (error) {
    return new ConnectionLost('libvirtd refused a call without saying why.', { cause: error });
  }
}
