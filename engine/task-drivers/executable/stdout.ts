/**
 * The reports of a program on stdout.
 *
 * Invariant: its cost is limited for any output; a line that violates the contract is no failure.
 */
import type { Value } from '#config/expressions/expression.ts';
import { Lines } from '#protocol/lines.ts';
import { type Report, readReport } from './report-line.ts';

export const MAX_LINE_BYTES = 64 * 1024;
export const MAX_TOTAL_BYTES = 1024 * 1024;
export const MAX_LINES = 10_000;

export interface StdoutListener {
  onProgress(message: string | undefined, progress: number | undefined): void;
  /** A line that is no report; the fault completes "it printed …", and there are few different ones. */
  onGarbage(line: string, fault: string): void;
}

export class Stdout {
  readonly outputs = new Map<string, Value>();
  /** The last request to end the flow. */
  end: { readonly how: NonNullable<Report['end']>; readonly message: string } | undefined;

  readonly #listener: StdoutListener;
  readonly #lines: Lines;
  #bytes = 0;
  #count = 0;
  #fault: string | undefined;

  constructor(listener: StdoutListener) {
    this.#listener = listener;
    this.#lines = new Lines(MAX_LINE_BYTES, ({ bytes, end }) => {
      this.#count += 1;
      if (this.#fault !== undefined) return;
      if (end === 'cut') this.#fault = `prints a line of more than ${MAX_LINE_BYTES} bytes`;
      else if (this.#count > MAX_LINES) this.#fault = `prints more than ${MAX_LINES} lines`;
      else this.#heed(bytes.toString('utf8'));
    });
  }

  /** Returns its violation of the limits; further output is ignored then. */
  take(chunk: Buffer): string | undefined {
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_TOTAL_BYTES) this.#fault ??= `prints more than ${MAX_TOTAL_BYTES} bytes`;
    if (this.#fault === undefined) this.#lines.take(chunk);
    return this.#fault;
  }

  /** The same, at the end of the stream. */
  close(): string | undefined {
    if (this.#fault === undefined) this.#lines.end();
    return this.#fault;
  }

  #heed(line: string): void {
    if (line.trim() === '') return;
    const report = readReport(line);
    if ('fault' in report) {
      this.#listener.onGarbage(line, report.fault);
      return;
    }
    const { message, progress, outputs, end } = report;
    for (const [name, value] of outputs ?? []) this.outputs.set(name, value);
    if (end) this.end = { how: end, message: message ?? '' };
    else if (message !== undefined || progress !== undefined) this.#listener.onProgress(message, progress);
  }
}
