/** Lines for the journal of systemd: level prefix (sd-daemon(3)) when it reads us, time when it does not. */
import { fstatSync } from 'node:fs';
import type { Log, LogFields, LogLevel } from '#protocol/log.ts';
import { printable } from '#protocol/printable.ts';

const PRIORITY: Readonly<Record<LogLevel, number>> = { error: 3, warning: 4, info: 6, debug: 7 };

function formatValue(value: string | number | boolean): string {
  const text = String(value);
  return /^[\w.:/@+-]+$/.test(text) ? text : printable(JSON.stringify(text));
}

export function formatFields(fields: LogFields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([key, value]) => ` ${key}=${formatValue(value ?? '')}`)
    .join('');
}

/** Whether stderr is the stream that systemd opened for us: the variable is inherited by those who redirect (sd-journal(3)). */
function isReadByJournald(): boolean {
  const { dev, ino } = fstatSync(2);
  return process.env.JOURNAL_STREAM === `${dev}:${ino}`;
}

/** The minimum log level; it can be changed while the program runs. */
export interface LogThreshold {
  level: LogLevel;
}

/** A logger onto stderr that drops entries below its threshold. */
export function createLogger(threshold: LogThreshold): Log {
  const isJournald = isReadByJournald();
  return (level, message, fields = {}) => {
    if (PRIORITY[level] > PRIORITY[threshold.level]) return;
    const head = isJournald ? `<${PRIORITY[level]}>` : `${new Date().toISOString()} ${level.padEnd(7)} `;
    process.stderr.write(`${head}${printable(message)}${formatFields(fields)}\n`);
  };
}
