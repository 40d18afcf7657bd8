/**
 * The outcome of a webhook's request, from the response. Pure.
 *
 * Invariant: it was done only with a 2xx, and certainly not done only if nothing was sent; after 5xx, 303 or a lost response it may have
 * been done.
 */
import type { Value } from '#config/expressions/expression.ts';
import type { Outcome } from '#openstack/http/exchange.ts';
import { retryAfter } from '#openstack/http/retry-after.ts';
import { printable } from '#protocol/printable.ts';
import { InDoubt, NotDone, TaskFailure } from '../../flow/outcome.ts';
import type { Values } from '../../flow/plan.ts';

export type ResponseDecision =
  | { readonly is: 'done'; readonly message: string; readonly outputs: Values }
  /** The service is busy, and did nothing. `afterMs`: its time for the next request, if it gives one. */
  | { readonly is: 'again'; readonly message: string; readonly afterMs: number | undefined }
  | { readonly is: 'failed'; readonly error: TaskFailure };

/** Characters of a body that are quoted. */
const MAX_QUOTE = 200;

/**
 * @param what e.g. `POST to chat.example.com`
 * @param clean removes secrets from a text that others wrote
 */
export function decisionOn(
  outcome: Outcome,
  what: string,
  provides: readonly string[],
  clean: (text: string) => string,
): ResponseDecision {
  const failed = (error: TaskFailure): ResponseDecision => ({ is: 'failed', error });
  switch (outcome.kind) {
    case 'not_sent':
      return failed(new NotDone(`${what} was not sent: ${clean(wordsOf(outcome.why))}`));
    case 'stale':
      return failed(new NotDone(`${what} was not sent: the right to act could not be confirmed in time`));
    case 'lost':
      return failed(new InDoubt(`response to ${what} was lost, it may have been done: ${clean(wordsOf(outcome.why))}`));
    case 'oversized':
      return isSuccess(outcome.status)
        ? done(`${what} returned ${outcome.status}; more than ${outcome.bytes} bytes, so no outputs are taken`, {})
        : failed(failureOf(outcome.status, `${what} returned ${outcome.status} with more than ${outcome.bytes} bytes`));
    case 'answer':
      break;
  }
  const { status, headers, body } = outcome;
  const message = `${what} returned ${status}`;
  if (isSuccess(status)) return done(message, outputsOf(body, provides));
  const seconds = retryAfter(headers);
  if (status === 429 || (status === 503 && seconds !== undefined)) {
    return { is: 'again', message, afterMs: seconds === undefined ? undefined : seconds * 1000 };
  }
  if (status >= 300 && status < 400) return failed(redirected(status, `${message}${redirection(headers.location)}`));
  const quote = quoted(clean(body));
  return failed(failureOf(status, quote === '' ? message : `${message}: ${quote}`));
}

function done(message: string, outputs: Values): ResponseDecision {
  return { is: 'done', message, outputs };
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function failureOf(status: number, message: string): TaskFailure {
  return status >= 500 ? new InDoubt(`${message}; it may have been done`) : new TaskFailure(message);
}

/** 303 refers to the result of the request (RFC 9110, 15.4.4); the others to the place for the request. */
function redirected(status: number, message: string): TaskFailure {
  return status === 303 ? new InDoubt(`${message}; it may have been done`) : new TaskFailure(message);
}

/** Its target is named by its host only: the rest may be a secret. */
function redirection(location: string | undefined): string {
  const host = location !== undefined && URL.canParse(location) ? new URL(location).host : '';
  const where = host === '' ? 'elsewhere' : `to ${host}`;
  return `, which leads ${where}; redirects are not followed, name the final URL`;
}

/** The names at the top of a JSON response; empty if it is no JSON object. */
function outputsOf(body: string, provides: readonly string[]): Values {
  if (provides.length === 0) return {};
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    return {};
  }
  if (answer === null || typeof answer !== 'object' || Array.isArray(answer)) return {};
  const given = answer as { readonly [name: string]: Value };
  return Object.fromEntries(
    provides.filter((name) => Object.hasOwn(given, name)).map((name) => [name, given[name] ?? null]),
  );
}

function quoted(body: string): string {
  return Array.from(printable(body).replaceAll(/\s+/g, ' ').trim()).slice(0, MAX_QUOTE).join('');
}

function wordsOf(why: unknown): string {
  if (!(why instanceof Error)) return String(why);
  const code = 'code' in why ? String(why.code) : '';
  const text = why.message === '' ? code : why.message;
  return quoted(/CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)/.test(code) ? `${text} (ca_file names an authority)` : text);
}
