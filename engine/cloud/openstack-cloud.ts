/** A real OpenStack behind the `Cloud` interface. */

import type { Credentials } from '#config/clouds.ts';
import { Redaction } from '../../redaction.ts';
import type { ActGuard, Cloud } from '../cloud.ts';
import { Compute } from './compute.ts';
import { Identity } from './identity.ts';
import { Keystone } from './keystone.ts';
import { minor } from './microversion.ts';
import { Mistral } from './mistral.ts';
import { Nova } from './nova.ts';
import { type ClientOptions, DEFAULT_OPTIONS, type Log } from './options.ts';
import { Transport } from './transport.ts';
import type { Line } from './tries.ts';
import { Turns } from './turns.ts';

export type { ClientOptions, Log } from './options.ts';

export interface OpenStackSettings {
  readonly credentials: Credentials;
  /** Asked before every change of the cloud. */
  readonly guard: ActGuard;
  /** e.g. `recovery-agent/0.1.0`; Nova's and Keystone's logs show it. */
  readonly userAgent: string;
  readonly options?: Partial<ClientOptions>;
  readonly log?: Log;
}

/** Does no I/O: the first call connects, gets the token and agrees on a version. */
export function openStackCloud(settings: OpenStackSettings): Cloud {
  const { credentials, guard, userAgent, log = () => {} } = settings;
  const options = optionsOf(settings);
  const transport = new Transport(credentials, options, userAgent, log);
  const redaction = new Redaction(secretsOf(credentials));
  const line: Line = { transport, turns: new Turns(options.connections), options, redaction, log };
  const keystone = new Keystone(credentials, line);
  const compute = new Compute(keystone, line, guard);
  const description = `openstack ${credentials.authUrl}`;
  const mistral = new Mistral(description, keystone, line, guard);
  const identity = new Identity(keystone, line);
  return new Nova(description, compute, mistral, identity, transport, options, async () => {
    keystone.close();
    compute.close();
    await transport.close();
  });
}

function optionsOf({ credentials, options: given }: OpenStackSettings): ClientOptions {
  const options: ClientOptions = { ...DEFAULT_OPTIONS, ...given };
  const { computeMicroversion, timeoutMs = Number.POSITIVE_INFINITY } = credentials;
  return {
    ...options,
    requestTimeoutMs: Math.min(options.requestTimeoutMs, timeoutMs),
    microversionLimit: minor(computeMicroversion) ?? options.microversionLimit,
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
