/**
 * The request of a webhook, from its options. Pure.
 *
 * Invariants: it is sent to the host in the definition, with any filled-in values; messages name it by method and host only, since paths
 * and queries of URLs often contain secrets.
 */
import { createHmac } from 'node:crypto';
import { isInClearOnTheWay } from '#config/pipelines/drivers/webhook.ts';
import { NotDone } from '../../flow/outcome.ts';
import type { DriverCall } from '../driver.ts';

/** Of the envelope, for its receivers. */
const VERSION = 1;

export interface WebhookSecrets {
  /** The URL, if the definition does not contain it itself. */
  readonly url?: string;
  readonly token?: string;
  readonly hmacKey?: string;
}

export interface WebhookRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Null: none. */
  readonly body: string | null;
  /** For messages, e.g. `POST to chat.example.com`. */
  readonly what: string;
}

/** @param nowMs ms UTC, for the signature: every attempt has its own. Throws `NotDone` for a request that cannot be made. */
export function requestOf(
  { options, stepKey, ...call }: DriverCall,
  secrets: WebhookSecrets,
  nowMs: number,
): WebhookRequest {
  const url = urlOf(secrets.url ?? String(options.url));
  const isSecret = secrets.url !== undefined || secrets.token !== undefined;
  if (isSecret && isInClearOnTheWay(url.href)) {
    throw new NotDone('a secret must not travel in clear: its URL must begin with https://');
  }
  const method = String(options.method);
  const body = bodyOf({ options, stepKey, ...call }, method);
  const signed = `${Math.floor(nowMs / 1000)}.${body ?? ''}`;
  const signature = secrets.hmacKey && createHmac('sha256', secrets.hmacKey).update(signed, 'utf8').digest('hex');
  return {
    method,
    url,
    body,
    what: `${method} to ${url.host}`,
    headers: {
      accept: 'application/json',
      'user-agent': 'recovery-agent',
      ...headersOf(options.headers),
      ...(body === null ? {} : { 'content-type': 'application/json' }),
      'idempotency-key': headerText(stepKey),
      ...(secrets.token === undefined ? {} : { authorization: `Bearer ${secrets.token}` }),
      ...(signature === undefined
        ? {}
        : { 'x-recovery-agent-signature': `t=${Math.floor(nowMs / 1000)},v1=${signature}` }),
    },
  };
}

/** No message contains the text: it may be a secret. Throws `NotDone` for a text that is no URL of a webhook. */
export function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:\/\//i.test(text)) throw new NotDone('its URL is no http:// or https:// URL');
  if (url.username !== '' || url.password !== '') throw new NotDone('its URL must hold no user and no password');
  // A filled-in value must not leave its place in the path; URLs accept %2e for a dot.
  const path = text.replace(/^[^/]*\/\//, '').replace(/[?#].*$/s, '');
  if (path.split(/[/\\]/).some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment))) {
    throw new NotDone('the path of its URL has a segment "." or ".."');
  }
  return url;
}

function bodyOf(
  { options, task, occurrence, phase, stepKey, attempt, inputs }: DriverCall,
  method: string,
): string | null {
  if (options.body !== null && options.body !== undefined) return JSON.stringify(options.body);
  if (method === 'GET' || method === 'DELETE') return null;
  return JSON.stringify({ version: VERSION, call: 'run', task, occurrence, phase, step_key: stepKey, attempt, inputs });
}

function headersOf(headers: DriverCall['options'][string] | undefined): Record<string, string> {
  const given =
    headers !== null && typeof headers === 'object' && !Array.isArray(headers) ? Object.entries(headers) : [];
  return Object.fromEntries(given.map(([name, value]) => [name.toLowerCase(), headerText(wordsOf(value))]));
}

function wordsOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** One line with the characters of a header (RFC 9110, 5.5): all others are percent-encoded. */
function headerText(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[^\x20-\x7e]/gu, (character) => encodeURIComponent(character))
    .trim();
}
