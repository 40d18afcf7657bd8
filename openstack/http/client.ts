/** What all requests with the credentials of one cloud share. */
import type { Credentials } from '#config/clouds/clouds.ts';
import { Redaction } from '#protocol/redaction.ts';
import { ConcurrencyLimit } from '../concurrency-limit.ts';
import type { HttpOptions, Log } from './options.ts';
import { Transport } from './transport.ts';

export interface HttpClient {
  readonly transport: Transport;
  readonly limit: ConcurrencyLimit;
  readonly options: HttpOptions;
  readonly redaction: Redaction;
  readonly log: Log;
}

/**
 * Makes no connection.
 * @param userAgent e.g. `recovery-agent/0.1.0`; the services' logs show it
 */
export function httpClient(credentials: Credentials, options: HttpOptions, userAgent: string, log: Log): HttpClient {
  return {
    transport: new Transport(credentials, options, userAgent, log),
    limit: new ConcurrencyLimit(options.connections),
    options,
    redaction: new Redaction(secretsOf(credentials)),
    log,
  };
}

function secretsOf(credentials: Credentials): string[] {
  switch (credentials.method) {
    case 'password':
      return [credentials.password.reveal()];
    case 'application_credential':
      return [credentials.secret.reveal()];
    case 'token':
      return [credentials.token.reveal()];
  }
}
