/**
 * The reason of a failed action, as Pacemaker shows it: the line on stderr that starts with its prefix, of which it keeps 128 characters
 * (`EXIT_REASON_MAX_LEN` of its executor). The text after them is for the log.
 */
import { writeSync } from 'node:fs';
import { printable, printableLines } from '#protocol/printable.ts';

const PREFIX = 'ocf-exit-reason:';
const MAX_CHARACTERS = 1_000;

/** One line without control characters. Pure. */
export function reasonLine(reason: string): string {
  const parts = reason.split(/[\r\n]+/).map((part) => printable(part).trim());
  const line = parts.filter((part) => part !== '').join('; ');
  return `${PREFIX}${line.length > MAX_CHARACTERS ? `${line.slice(0, MAX_CHARACTERS)}…` : line}`;
}

/** Writes to standard output (1) or error (2); a closed descriptor or a full disk has no effect. */
export function writeText(descriptor: 1 | 2, text: string): void {
  // A file beyond the caller's limit (ulimit -f) is an error, not the end of this process.
  if (process.listenerCount('SIGXFSZ') === 0) process.on('SIGXFSZ', () => {});
  try {
    writeSync(descriptor, text);
  } catch {
    // The exit code has the result.
  }
}

export function writeLine(line: string): void {
  writeText(2, `${printableLines(line)}\n`);
}

export function printReason(reason: string): void {
  writeLine(reasonLine(reason));
}
