/** When a busy service allows the next request. Pure. */
import type { IncomingHttpHeaders } from 'node:http';

/**
 * Seconds of a `Retry-After` header, given as seconds or as an HTTP date. A date is compared with the response's own `Date`, never with
 * this machine's clock; without one the header only means that the service is busy.
 */
export function retryAfter(headers: IncomingHttpHeaders): number | undefined {
  const text = headers['retry-after']?.trim();
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const at = Date.parse(text);
  if (Number.isNaN(at)) return undefined;
  const now = httpDate(headers);
  return now === undefined ? 0 : Math.max(0, (at - now.getTime()) / 1000);
}

export function httpDate(headers: IncomingHttpHeaders): Date | undefined {
  const at = Date.parse(headers.date ?? '');
  return Number.isNaN(at) ? undefined : new Date(at);
}
