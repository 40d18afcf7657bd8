/** Reads the value of `--since`: a duration before now, or a time. */
import { CommandFailure, EXIT } from './exit-codes.ts';

const DURATION = /^(\d{1,6})(s|m|h|d|w)$/;
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };
// ISO 8601, down to the day; without a zone it is UTC, as all times that are printed.
const TIME = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/** Reads the value of an option that is a duration. @returns seconds. Throws `CommandFailure`. */
export function readDuration(option: string, text: string): number {
  const [, count = '', unit = ''] = DURATION.exec(text) ?? [];
  const seconds = Number(count) * (SECONDS[unit] ?? 0);
  if (seconds > 0) return seconds;
  throw new CommandFailure(EXIT.usage, `--${option} "${text}" is not a duration; write one such as 90s, 15m, 2h or 7d`);
}

/** @param now ms UTC. @returns ms UTC. Throws `CommandFailure`. */
export function readSince(text: string, now: number): number {
  const [, count = '', unit = ''] = DURATION.exec(text) ?? [];
  const seconds = SECONDS[unit];
  if (seconds !== undefined) return Math.max(0, now - Number(count) * seconds * 1_000);
  const time = TIME.test(text) ? Date.parse(withZone(text)) : Number.NaN;
  if (Number.isNaN(time)) {
    const forms = 'a duration such as 90s, 15m, 2h, 7d or 2w, or a time such as 2026-11-21 or 2026-11-21T08:05Z';
    throw new CommandFailure(EXIT.usage, `--since "${text}" is not a time; write ${forms}`);
  }
  return time;
}

function withZone(text: string): string {
  if (text.length === 10) return `${text}T00:00Z`;
  return /(Z|[+-]\d{2}:\d{2})$/.test(text) ? text.replace(' ', 'T') : `${text.replace(' ', 'T')}Z`;
}
