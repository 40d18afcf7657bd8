/**
 * What the engine and the process of a module say to each other: JSON lines over a socket.
 *
 * Not the channel that Node offers: there a line that is no JSON is an error that nothing can catch, it ends the engine
 * (measured with Node 24), and a module can write to every descriptor of its process.
 *
 * Invariant: whatever is written, no more than one line is kept, and what is no JSON is not heard.
 */
import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Lines } from '../executable/lines.ts';

/** Its descriptor in the process of the module. */
const DESCRIPTOR = 3;
/** An answer of `MAX_ANSWER` characters, each of three bytes, and what belongs to it. */
export const MAX_REPORT_BYTES = 8 * 1024 * 1024;
/** Inputs are outputs of earlier tasks, each of some 100 kB. */
export const MAX_ORDER_BYTES = 256 * 1024 * 1024;

/** For the process of the module. Undefined: nobody is at the other end. */
export function channelToEngine(): Socket | undefined {
  try {
    return fstatSync(DESCRIPTOR).isSocket() ? new Socket({ fd: DESCRIPTOR }) : undefined;
  } catch {
    return undefined;
  }
}

/** @param then called when it has left, or never will */
export function tell(channel: Duplex, message: object, then: () => void = () => {}): void {
  if (channel.writable) channel.write(`${JSON.stringify(message)}\n`, () => then());
  else then();
}

export function hear(channel: Duplex, lineBytes: number, listen: (message: unknown) => void): void {
  const lines = new Lines(lineBytes, ({ text, end }) => {
    if (end === 'cut') return;
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    listen(message);
  });
  channel.on('data', (chunk: Buffer) => lines.take(chunk));
  // One that breaks says so by its end.
  channel.on('error', () => {});
}
