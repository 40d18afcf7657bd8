/** Options of a task that is a mail: driver = mail. */

import { nearest } from '../../document/nearest.ts';
import { template } from '../../expressions/template-kinds.ts';
import { choice, count, OPTIONAL_HOST, shown, text } from '../../options/kinds.ts';
import { OPTIONAL_TASK_FILE } from '../task-paths.ts';
import type { DriverForm } from './driver-form.ts';
import { mailboxesIn, partsOfMailbox } from './mail-address.ts';

/** Means the addresses of the owners of the recovered instances. */
export const OWNERS = 'owners';

export const mailTask: DriverForm = {
  options: {
    to: template('to', '', 'Addresses, separated by commas; or the word owners: one mail to each owner of instances.'),
    from: template('from', '', 'The address that the mail comes from.'),
    subject: template('subject', 'Recovery of {{ host_name }}', 'The subject of the mail.'),
    body: template('body', '', 'The text of the mail; default: a summary with a table of instances.'),
    smtpHost: text('smtp_host', 'localhost', OPTIONAL_HOST, 'The server that takes the mail.'),
    smtpPort: count('smtp_port', 25, [1, 65_535], 'Its port.'),
    smtpTls: choice(
      'smtp_tls',
      'starttls',
      ['none', 'starttls', 'required', 'tls'],
      'TLS: none, where the server offers it, demanded, or from the start.',
    ),
    smtpUser: text('smtp_user', '', { takes: 'a name, or nothing', pattern: /^.{0,255}$/ }, 'The user to log in as.'),
    smtpPasswordFile: text('smtp_password_file', '', OPTIONAL_TASK_FILE, 'File whose first line is the password.'),
    smtpCaFile: text(
      'smtp_ca_file',
      '',
      OPTIONAL_TASK_FILE,
      'PEM file of the authority of the server; without one those of the system, and starttls checks no certificate.',
    ),
  },
  required: ['to', 'from'],
  templates: ['to', 'from', 'subject', 'body'],
  paths: ['smtpPasswordFile', 'smtpCaFile'],
  parameters: 'none',
  afterCrash: ['idempotent', 'once'],
  undo: 'impossible',
  check({ to = '', from = '', smtpHost = '', smtpTls = '', smtpUser = '', smtpPasswordFile = '' }, { requires }) {
    if (String(to).trim() === OWNERS && !requires.includes('instances')) {
      return { field: 'to', fault: `"to = ${OWNERS}" needs "requires = instances", to know whose they are` };
    }
    const wrong = faultOfAddresses('to', String(to)) ?? faultOfAddresses('from', String(from));
    if (wrong !== undefined) return wrong;
    if (smtpHost === '') return { field: 'smtpHost', fault: '"smtp_host" must name the server' };
    if ((smtpUser === '') !== (smtpPasswordFile === '')) {
      return { field: 'smtpUser', fault: '"smtp_user" and "smtp_password_file" belong together' };
    }
    if (smtpUser !== '' && smtpTls !== 'required' && smtpTls !== 'tls') {
      return {
        field: 'smtpTls',
        fault: `a password must not travel in clear: smtp_tls = required or tls, not ${smtpTls}`,
      };
    }
    return undefined;
  },
};

/** Replaces a value of which nothing is known before it is filled in. */
const VALUE = '\uE000';

function faultOfAddresses(
  field: 'to' | 'from',
  text: string,
): { readonly field: string; readonly fault: string } | undefined {
  const written = text.trim();
  if (field === 'to' && written === OWNERS) return undefined;
  const known = written.replaceAll(/\{\{.*?\}\}/gs, VALUE);
  const items = field === 'to' ? mailboxesIn(known) : [known];
  if (items.length === 0 || written === '') return { field, fault: `"${field}" contains no address` };
  const odd = items.find((item) => !item.includes(VALUE) && partsOfMailbox(item) === undefined);
  if (odd === undefined) return undefined;
  const hint = field === 'to' && nearest(odd.trim(), [OWNERS]) !== undefined ? `; did you mean "${OWNERS}"?` : '';
  return { field, fault: `"${field}" takes mail addresses, which ${shown(odd.trim())} is not${hint}` };
}
