/**
 * Why an action failed, as Pacemaker shows it: the line on stderr that begins with its prefix, of which it keeps 128 characters
 * (`EXIT_REASON_MAX_LEN` of its executor). What is behind them is for the log.
 */
import { writeSync } from 'node:fs';

const PREFIX = 'ocf-exit-reason:';
const MAX_CHARACTERS = 1_000;

/** One line without control characters. Pure. */
export function reasonLine(reason: string): string {
  const parts = reason.split(/[\r\n]+/).map((part) => part.replace(/\p{Cc}/gu, ' ').trim());
  const line = parts.filter((part) => part !== '').join('; ');
  return `${PREFIX}${line.length > MAX_CHARACTERS ? `${line.slice(0, MAX_CHARACTERS)}…` : line}`;
}

/** Writes to standard output (1) or error (2); one that is closed or on a full disk changes nothing. */
export function writeText(descriptor: 1 | 2, text: string): void {
  // A file beyond the caller's limit (ulimit -f) is an error, not the end of this process.
  if (process.listenerCount('SIGXFSZ') === 0) process.on('SIGXFSZ', () => {});
  try {
    writeSync(descriptor, text);
  } catch {
    // The exit code says what counts.
  }
}

export function writeLine(line: string): void {
  writeText(2, `${line}\n`);
}

export function tellReason(reason: string): void {
  writeLine(reasonLine(reason));
}
