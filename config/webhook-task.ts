/** Options of a task that is an HTTP request: driver = webhook. */
import type { DriverForm } from './driver-form.ts';
import { choice, OPTIONAL_PATH, text } from './kinds.ts';
import { structure, template } from './template-kinds.ts';

export const webhookTask: DriverForm = {
  options: {
    url: template('url', '', 'The http:// or https:// URL; what is filled in is percent-encoded.'),
    method: choice('method', 'POST', ['POST', 'PUT', 'PATCH', 'GET', 'DELETE'], 'The method of the request.'),
    headers: structure('headers', {}, 'Further headers by name; no secrets, see token_file.'),
    body: structure('body', null, 'The body, sent as JSON; without one the inputs and parameters of the task.'),
    tokenFile: text('token_file', '', OPTIONAL_PATH, 'File with a token that is sent as Authorization: Bearer.'),
    hmacKeyFile: text('hmac_key_file', '', OPTIONAL_PATH, 'File with the key by which the body is signed.'),
    caFile: text(
      'ca_file',
      '',
      OPTIONAL_PATH,
      'PEM file of the authority of the server; without one those of the system.',
    ),
  },
  required: ['url'],
  templates: ['url', 'headers', 'body'],
  parameters: 'none',
  afterCrash: ['idempotent', 'once'],
  undo: 'impossible',
};
