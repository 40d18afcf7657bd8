/** Options of a task that is an HTTP request: driver = webhook. */

import type { Value } from '../../expressions/expression.ts';
import { structure, template } from '../../expressions/template-kinds.ts';
import { choice, text } from '../../options/kinds.ts';
import { secretReference } from '../clear-secrets.ts';
import { OPTIONAL_TASK_FILE } from '../task-paths.ts';
import type { DriverForm } from './driver-form.ts';

export const webhookTask: DriverForm = {
  options: {
    url: template('url', '', 'The http:// or https:// URL; what is filled in is percent-encoded.'),
    urlFile: text(
      'url_file',
      '',
      OPTIONAL_TASK_FILE,
      'File whose first line is the URL, in place of url: where it is a secret.',
    ),
    method: choice('method', 'POST', ['POST', 'PUT', 'PATCH', 'GET', 'DELETE'], 'The method of the request.'),
    headers: structure(
      'headers',
      {},
      'Further headers by name; a secret as "file:/PATH" or "env:NAME", see also token_file.',
    ),
    body: structure('body', null, 'The body, sent as JSON; default: the input of the task.'),
    tokenFile: text('token_file', '', OPTIONAL_TASK_FILE, 'File with a token that is sent as Authorization: Bearer.'),
    hmacKeyFile: text('hmac_key_file', '', OPTIONAL_TASK_FILE, 'File with the key by which the body is signed.'),
    caFile: text(
      'ca_file',
      '',
      OPTIONAL_TASK_FILE,
      'PEM file of the authority of the server; without one those of the system.',
    ),
  },
  required: [],
  templates: ['url', 'headers', 'body'],
  paths: ['urlFile', 'tokenFile', 'hmacKeyFile', 'caFile'],
  references: ['headers', 'body'],
  urls: ['url'],
  parameters: 'none',
  afterCrash: ['idempotent', 'once'],
  undo: 'impossible',
  check: ({ url = '', urlFile = '', tokenFile = '', method = '', headers = null, body = null }, { name }) =>
    checkUrl(String(url), String(urlFile), name) ??
    checkHeaders(headers) ??
    checkBody(String(method), body) ??
    checkTransport(String(url), tokenFile !== '' || [headers, body].some(hasReference)),
};

type Fault = { readonly field: string; readonly fault: string };

function checkUrl(url: string, urlFile: string, task: string): Fault | undefined {
  const fault = (text: string): Fault => ({ field: 'url', fault: text });
  if (url === '' && urlFile === '') return fault(`task "${task}" needs the option "url", or "url_file"`);
  if (url !== '' && urlFile !== '') return fault(`task "${task}" takes either "url" or "url_file", not both`);
  if (url === '') return undefined;
  if (!/^https?:\/\//i.test(url)) return fault('"url" must begin with http:// or https://');
  const [host = ''] = /^[^/]*\/\/(?:\{\{.*?\}\}|[^/?#{])*/s.exec(url) ?? [];
  // A value may name a host of a domain; with its last word it would choose the domain, and get the token.
  if (/\}\}(?!.*\}\})(?!(?:\.[A-Za-z0-9-]+){2,}(?::\d+)?$)/s.test(host)) {
    return fault('"url" has a value that chooses the server; a value may be before a fixed domain, or in the path');
  }
  if (/^[^/]*\/\/[^/?#]*@/.test(url)) return fault('"url" must hold no user and no password; use token_file');
  return undefined;
}

/** Restrictions on headers: those that the driver sets itself, and secrets that must not be in a file that others may read. */
const OWN_HEADERS = [
  ...['host', 'connection', 'content-length', 'content-type', 'transfer-encoding', 'upgrade', 'expect'],
  ...['idempotency-key', 'x-recovery-agent-signature'],
];
const SECRET_HEADERS = ['authorization', 'proxy-authorization', 'cookie', 'x-auth-token', 'x-api-key'];

function checkHeaders(headers: Value): Fault | undefined {
  const fault = (text: string): Fault => ({ field: 'headers', fault: text });
  if (headers === null || typeof headers !== 'object' || Array.isArray(headers)) {
    return fault('"headers" takes {NAME: value, …}');
  }
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/.test(name))
      return fault('"headers" holds a name that no header can have');
    if (OWN_HEADERS.includes(lower)) return fault(`"headers" cannot set ${name}, which is set for each request`);
    const isReference = secretReference(String(value)) !== undefined;
    if (SECRET_HEADERS.includes(lower) && !isReference)
      return fault(
        `"headers" cannot hold ${name}, a secret; use token_file, or write file:/PATH or env:NAME as its text`,
      );
    if (typeof value !== 'string' && typeof value !== 'number') return fault(`header ${name} takes a text`);
  }
  return undefined;
}

/** Hosts of this machine: nothing leaves it. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;

/** Whether what is sent to a URL can be read on the way. */
export function isInClearOnTheWay(url: string): boolean {
  const [, host = ''] = /^http:\/\/(\[[^\]]*\]|[^/?#:]*)/i.exec(url) ?? [];
  return host !== '' && !LOOPBACK.test(host);
}

function checkTransport(url: string, hasSecrets: boolean): Fault | undefined {
  if (!hasSecrets || !isInClearOnTheWay(url)) return undefined;
  return { field: 'url', fault: 'a secret must not travel in clear: "url" must begin with https:// where one is sent' };
}

function hasReference(value: Value): boolean {
  if (typeof value === 'string') return secretReference(value) !== undefined;
  if (value === null || typeof value !== 'object') return false;
  return Object.values(value).some((item: Value) => hasReference(item));
}

function checkBody(method: string, body: Value): Fault | undefined {
  return method === 'GET' && body !== null ? { field: 'body', fault: 'a GET has no body' } : undefined;
}
