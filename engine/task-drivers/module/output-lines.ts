/** Logs the output of a program line by line up to a limit; the rest is read and dropped, so that the program never blocks. */
import type { Readable } from 'node:stream';
import { Lines } from '#protocol/lines.ts';
import { MAX_LINE } from './wire.ts';

export interface LineBudget {
  /** Lines that may still be logged. */
  left: number;
}

/** @param budget shared with the other streams of the same program */
export function sendLines(stream: Readable, budget: LineBudget, onLine: (line: string) => void): void {
  const lines = new Lines(MAX_LINE * 4, ({ bytes }) => {
    const line = bytes.toString('utf8').trimEnd();
    if (line === '') return;
    budget.left -= 1;
    if (budget.left > 0) onLine(line.length > MAX_LINE ? `${line.slice(0, MAX_LINE - 1)}…` : line);
    else if (budget.left === 0) onLine('(output from here on is dropped: too many lines)');
  });
  stream.on('data', (chunk: Buffer) => {
    if (budget.left > 0) lines.take(chunk);
  });
  stream.on('end', () => lines.end());
  // A broken pipe has no further output.
  stream.on('error', () => {});
}
