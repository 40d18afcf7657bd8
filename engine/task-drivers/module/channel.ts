/**
 * The channel between the engine and the process of a module: JSON lines over a socket.
 *
 * It is not Node's own channel: there a line that is no JSON is an error that cannot be caught and ends the engine (measured with Node 24),
 * and a module can write to every descriptor of its process.
 *
 * Invariant: for any input only one line is kept in memory, and a line that is no JSON is ignored.
 */
import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Lines } from '#protocol/lines.ts';

/** Its descriptor in the process of the module. */
const DESCRIPTOR = 3;
/** A response of `MAX_ANSWER` characters, each of three bytes, and its envelope. */
export const MAX_REPORT_BYTES = 8 * 1024 * 1024;
/** Inputs are outputs of earlier tasks, each of about 100 kB. */
export const MAX_ORDER_BYTES = 256 * 1024 * 1024;

/** For the process of the module. Undefined: there is no other end. */
export function channelToEngine(): Socket | undefined {
  try {
    return fstatSync(DESCRIPTOR).isSocket() ? new Socket({ fd: DESCRIPTOR }) : undefined;
  } catch {
    return undefined;
  }
}

/** @param then called when it was sent, or never will be */
export function send(channel: Duplex, message: object, then: () => void = () => {}): void {
  if (channel.writable) channel.write(`${JSON.stringify(message)}\n`, () => then());
  else then();
}

export function receive(channel: Duplex, lineBytes: number, listen: (message: unknown) => void): void {
  const lines = new Lines(lineBytes, ({ bytes, end }) => {
    if (end === 'cut') return;
    let message: unknown;
    try {
      message = JSON.parse(bytes.toString('utf8'));
    } catch {
      return;
    }
    listen(message);
  });
  channel.on('data', (chunk: Buffer) => lines.take(chunk));
  // A broken channel reports that by its end.
  channel.on('error', () => {});
}
