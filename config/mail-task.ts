/** Options of a task that is a mail: driver = mail. */
import type { DriverForm } from './driver-form.ts';
import { choice, count, OPTIONAL_HOST, OPTIONAL_PATH, text } from './kinds.ts';
import { template } from './template-kinds.ts';

export const mailTask: DriverForm = {
  options: {
    to: template('to', '', 'Addresses, separated by commas; or the word owners: one mail to each owner of instances.'),
    from: template('from', '', 'The address that the mail comes from.'),
    subject: template('subject', 'Recovery of {{ host_name }}', 'The subject of the mail.'),
    body: template('body', '', 'The text of the mail; without one what happened, with a table of instances.'),
    smtpHost: text('smtp_host', 'localhost', OPTIONAL_HOST, 'The server that takes the mail.'),
    smtpPort: count('smtp_port', 25, [1, 65_535], 'Its port.'),
    smtpTls: choice(
      'smtp_tls',
      'starttls',
      ['none', 'starttls', 'required', 'tls'],
      'TLS: if offered, demanded, or from the start.',
    ),
    smtpUser: text('smtp_user', '', { takes: 'a name, or nothing', pattern: /^.{0,255}$/ }, 'The user to log in as.'),
    smtpPasswordFile: text('smtp_password_file', '', OPTIONAL_PATH, 'File whose first line is the password.'),
    smtpCaFile: text('smtp_ca_file', '', OPTIONAL_PATH, 'PEM file of the authority of the server.'),
  },
  required: ['to', 'from'],
  templates: ['to', 'from', 'subject', 'body'],
  parameters: 'none',
  afterCrash: ['idempotent', 'once'],
  undo: 'impossible',
};
