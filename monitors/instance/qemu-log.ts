/**
 * Reads the line that libvirt writes into the log of a domain at its end: `shutting down, reason=crashed`. The log keeps the
 * reason when libvirtd was restarted since and has lost it.
 *
 * Invariant: only the tail of a regular file is read, and a name cannot point outside of the folder.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

export interface LogEnding {
  /** virDomainShutoffReasonTypeToString: unknown, shutdown, destroyed, crashed, migrated, saved, failed, … */
  readonly reason: string;
  /** Milliseconds UTC. */
  readonly at: number;
}

/** A start writes its whole command line, some kilobytes; the end is after it. */
const TAIL_BYTES = 64 * 1024;

const ENDING = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}\.\d{3})\+0000: shutting down, reason=([a-z ]{1,40})$/;
const START = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{3}\+0000: starting up /;

/** The end that the text closes with; undefined if it has none, or a start after it. */
export function findEnding(text: string): LogEnding | undefined {
  const last = text
    .split('\n')
    .reverse()
    .find((line) => ENDING.test(line) || START.test(line));
  const [, day, time, reason] = ENDING.exec(last ?? '') ?? [];
  if (day === undefined || time === undefined || reason === undefined) return undefined;
  return { reason, at: Date.parse(`${day}T${time}Z`) };
}

/** Undefined if there is no such log or it has no end. Throws if it cannot be read. */
export async function readEnding(directory: string, name: string): Promise<LogEnding | undefined> {
  if (name.includes('/') || name.includes('\0')) return undefined;
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  try {
    await using file = await open(join(directory, `${name}.log`), flags);
    const stat = await file.stat();
    if (!stat.isFile()) return undefined;
    const { buffer, bytesRead } = await file.read({
      buffer: Buffer.alloc(TAIL_BYTES),
      position: Math.max(0, stat.size - TAIL_BYTES),
    });
    return findEnding(buffer.toString('latin1', 0, bytesRead));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
