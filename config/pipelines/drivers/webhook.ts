/** Options of a task that is an HTTP request: driver = webhook. */
import type { DriverForm } from './driver-form.ts';
import type { Value } from './expression.ts';
import { choice, text } from './kinds.ts';
import { OPTIONAL_TASK_FILE } from './task-paths.ts';
import { structure, template } from './template-kinds.ts';

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
    headers: structure('headers', {}, 'Further headers by name; no secrets, see token_file.'),
    body: structure('body', null, 'The body, sent as JSON; without one what the task is called with.'),
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
  urls: ['url'],
  parameters: 'none',
  afterCrash: ['idempotent', 'once'],
  undo: 'impossible',
  check: ({ url = '', urlFile = '', method = '', headers = null, body = null }, { name }) =>
    checkUrl(String(url), String(urlFile), name) ?? checkHeaders(headers) ?? checkBody(String(method), body),
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
  if (/\}\}(?!.*\}\})(?!(?:\.[A-Za-z0-9-]+)+(?::\d+)?$)/s.test(host)) {
    return fault('"url" has a value that chooses the server; a value may stand before a fixed domain, or in the path');
  }
  if (/^[^/]*\/\/[^/?#]*@/.test(url)) return fault('"url" must hold no user and no password; use token_file');
  return undefined;
}

/** What the driver itself says, and what would be a secret in a file that others may read. */
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
    if (SECRET_HEADERS.includes(lower)) return fault(`"headers" cannot hold ${name}, a secret; use token_file`);
    if (typeof value !== 'string' && typeof value !== 'number') return fault(`header ${name} takes a text`);
  }
  return undefined;
}

function checkBody(method: string, body: Value): Fault | undefined {
  return method === 'GET' && body !== null ? { field: 'body', fault: 'a GET has no body' } : undefined;
}
