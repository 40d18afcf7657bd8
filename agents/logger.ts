/** Lines for the journal of systemd: level prefix (sd-daemon(3)) when it reads us, time when it does not. */
import type { Log, LogFields, LogLevel } from '#engine/resident/log.ts';

const PRIORITY: Readonly<Record<LogLevel, number>> = { error: 3, warning: 4, info: 6, debug: 7 };

function formatValue(value: string | number | boolean): string {
  const text = String(value);
  return /^[\w.:/@+-]+$/.test(text) ? text : JSON.stringify(text);
}

export function formatFields(fields: LogFields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([key, value]) => ` ${key}=${formatValue(value ?? '')}`)
    .join('');
}

/** A logger onto stderr that says nothing below `least`. */
export function createLogger(least: LogLevel): Log {
  const isJournald = process.env.JOURNAL_STREAM !== undefined;
  return (level, message, fields = {}) => {
    if (PRIORITY[level] > PRIORITY[least]) return;
    const head = isJournald ? `<${PRIORITY[level]}>` : `${new Date().toISOString()} ${level.padEnd(7)} `;
    process.stderr.write(`${head}${message}${formatFields(fields)}\n`);
  };
}
