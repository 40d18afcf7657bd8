/**
 * Reports to the resource agent why the engine did not start. The report goes through a pipe, because the log may be on a full disk and
 * holds more than one sentence. The agent passes the pipe's descriptor in the environment.
 */
import { closeSync, fstatSync, writeSync } from 'node:fs';
import { REPORT_VARIABLE } from '#ocf/report-descriptor.ts';

/** The pipe; undefined where there is none, e.g. for an engine that a person started. */
function descriptor(): number | undefined {
  const given = Number(process.env[REPORT_VARIABLE] || Number.NaN);
  if (!Number.isInteger(given) || given < 3) return undefined;
  try {
    return fstatSync(given).isFIFO() || fstatSync(given).isSocket() ? given : undefined;
  } catch {
    return undefined;
  }
}

/** Writes the reason; nothing is left to be done where that fails. */
export function reportFailure(reason: string): void {
  const pipe = descriptor();
  if (pipe === undefined) return;
  try {
    writeSync(pipe, reason);
  } catch {
    // The agent is gone: its timeout has passed.
  }
}

/** From now on failures are the engine's own. Nothing that it starts inherits the pipe. */
export function closeReport(): void {
  const pipe = descriptor();
  delete process.env[REPORT_VARIABLE];
  if (pipe !== undefined) closeSync(pipe);
}
