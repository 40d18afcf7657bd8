/** The mail server that the options of a task describe. */

import { readSecret } from '#config/document/secret-file.ts';
import type { Value } from '#config/expressions/expression.ts';
import type { ServerSettings } from './session.ts';

export interface MailServer extends Omit<ServerSettings, 'password'> {
  /** Empty: no login. */
  readonly passwordFile: string;
}

export function serverOf(options: { readonly [field: string]: Value }): MailServer {
  return {
    host: String(options.smtpHost),
    port: Number(options.smtpPort),
    tls: options.smtpTls as ServerSettings['tls'],
    caFile: String(options.smtpCaFile),
    user: String(options.smtpUser),
    passwordFile: String(options.smtpPasswordFile),
  };
}

/** Reads the password. Throws an error that names the file if it cannot be used. */
export function withPassword({ passwordFile, ...server }: MailServer): ServerSettings {
  const password = server.user === '' ? '' : readSecret(passwordFile, 'the password for the mail server');
  return { ...server, password };
}
