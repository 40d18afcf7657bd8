/**
 * Converts the outcome of a request to the corresponding `CloudError`.
 *
 * Invariant: the kinds keep the promises of `CloudErrorKind`. `unreachable` and `busy` only if nothing was done.
 */

import { printable } from '#protocol/printable.ts';
import type { Redaction } from '#protocol/redaction.ts';
import { CloudError, type CloudErrorKind } from '../cloud-error.ts';
import type { Answer, Outcome } from './exchange.ts';
import { isOwnNotFound, json, requestIdOf, type Who } from './own-answer.ts';
import { isBusy } from './retry.ts';
import { retryAfter } from './retry-after.ts';

/** The service and the request, for messages, e.g. `Nova` and `POST /servers/UUID/action`. */
export interface RequestDescription {
  readonly who: Who;
  readonly what: string;
}

/** Characters of a foreign message that are quoted. */
const MAX_QUOTE = 300;

/** The error for an outcome that is not a success. */
export function fault(description: RequestDescription, outcome: Outcome, redaction: Redaction): CloudError {
  const { who, what } = description;
  switch (outcome.kind) {
    case 'not_sent': {
      const cause = redaction.cause(outcome.why);
      return new CloudError('unreachable', `${who} cannot be reached for ${what}: ${words(cause, outcome.why)}`, {
        cause,
      });
    }
    case 'stale':
      return new CloudError(
        'unreachable',
        `${what} was not sent to ${who}: the right to act could not be confirmed in time`,
      );
    case 'lost': {
      const cause = redaction.cause(outcome.why);
      return new CloudError('unknown', `${who}'s response to ${what} was lost: ${words(cause, outcome.why)}`, {
        cause,
      });
    }
    case 'oversized':
      return new CloudError('unknown', `${who}'s response to ${what} is larger than ${outcome.bytes} bytes`);
    case 'answer':
      return answered(description, outcome, redaction);
  }
}

function answered({ who, what }: RequestDescription, answer: Answer, redaction: Redaction): CloudError {
  const { status } = answer;
  const requestId = requestIdOf(answer);
  const seconds = retryAfter(answer.headers);
  const message = `${who} responded ${status} to ${what}${requestId === undefined ? '' : ` (${requestId})`}`;
  const detail = explanation(answer, redaction);
  const isForeign404 = status === 404 && !isOwnNotFound(answer, who);
  const doubt = isForeign404 && who !== 'Keystone' ? `; it is not ${who}'s own: ${ADVICE_404}` : '';
  return new CloudError(kindOf(answer, who), `${message}${detail === '' ? '' : `: ${detail}`}${doubt}`, {
    status,
    ...(requestId === undefined ? {} : { requestId }),
    ...(seconds === undefined ? {} : { retryAfter: seconds }),
  });
}

const ADVICE_404 = 'the response is from a proxy, or the endpoint in the catalogue is wrong';

function kindOf(answer: Answer, who: Who): CloudErrorKind {
  const { status } = answer;
  if (isBusy(answer, who)) return 'busy';
  if (status >= 500) return 'unknown';
  if (status === 401 || status === 403) return 'unauthorized';
  // A proxy without a route to the service also returns 404: that is temporary and no evidence about an instance.
  if (status === 404) return isOwnNotFound(answer, who) ? 'not_found' : 'unknown';
  if (status === 409) return 'conflict';
  return 'refused';
}

function faultMessage(body: string): string | undefined {
  const tree = json(body);
  if (typeof tree !== 'object' || tree === null) return undefined;
  if ('faultstring' in tree && typeof tree.faultstring === 'string') return tree.faultstring;
  for (const value of Object.values(tree)) {
    if (typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string') {
      return value.message;
    }
  }
  return undefined;
}

/** The service's own message, or the title of a proxy's page. */
export function explanation(answer: Answer, redaction: Redaction): string {
  const message = faultMessage(answer.body);
  if (message !== undefined) return quote(redaction.redact(message));
  const title = /<title>([^<]*)<\/title>/i.exec(answer.body)?.[1];
  if (title !== undefined) return `a page titled '${quote(redaction.redact(title))}'`;
  return answer.body === '' ? '' : `no message that could be read, but ${sizeAndType(answer)}`;
}

/** Of a body that must not be quoted. Only well-known types are named: the header is the sender's text too. */
export function sizeAndType(answer: Answer): string {
  const header = String(answer.headers['content-type'] ?? '');
  const type = /^(?:text\/(?:html|plain|xml)|application\/(?:json|xml|octet-stream))(?=$|[\s;])/.exec(header)?.[0];
  return `${answer.body.length} characters of ${type ?? 'unknown type'}`;
}

/** A text from a response of a service, prepared for a message. */
export function quoted(text: string, redaction: Redaction): string {
  return quote(redaction.redact(text));
}

/** On one line and not too long. */
function quote(text: string): string {
  const line = printable(text).replace(/\s+/g, ' ').trim();
  return line.length > MAX_QUOTE ? `${line.slice(0, MAX_QUOTE)}…` : line;
}

/** Messages of libraries, with a hint if an operator can do something. */
function words(cause: Error, why: unknown): string {
  const code = why instanceof Error && 'code' in why ? String(why.code) : '';
  const text = cause.message === '' && code !== '' ? code : quote(cause.message);
  return /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)/.test(code)
    ? `${text} (cacert or OS_CACERT names authorities to trust)`
    : text;
}
