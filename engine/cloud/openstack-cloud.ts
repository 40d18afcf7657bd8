/** A real OpenStack behind the `Cloud` interface. */

import type { Credentials } from '#config/clouds/clouds.ts';
import type { ActGuard } from '#openstack/act-guard.ts';
import { httpClient } from '#openstack/http/client.ts';
import type { Log } from '#openstack/http/options.ts';
import { Keystone } from '#openstack/keystone/session.ts';
import type { Cloud } from './cloud.ts';
import { Identity } from './keystone/identity.ts';
import { Mistral } from './mistral/mistral-calls.ts';
import { type ClientOptions, DEFAULT_OPTIONS } from './nova/client-options.ts';
import { minor } from './nova/microversion.ts';
import { Nova } from './nova/nova-calls.ts';
import { Compute } from './nova/requests.ts';

export interface OpenStackSettings {
  readonly credentials: Credentials;
  /** Called before every change of the cloud. */
  readonly guard: ActGuard;
  /** e.g. `recovery-agent/0.1.0`; Nova's and Keystone's logs show it. */
  readonly userAgent: string;
  readonly options?: Partial<ClientOptions>;
  readonly log?: Log;
}

/** Does no I/O: the first call connects, gets the token and negotiates the version of the API. */
export function openStackCloud(settings: OpenStackSettings): Cloud {
  const { credentials, guard, userAgent, log = () => {} } = settings;
  const options = optionsOf(settings);
  const client = httpClient(credentials, options, userAgent, log);
  const { transport } = client;
  const keystone = new Keystone(credentials, client, { service: 'compute', types: [options.serviceType] });
  const compute = new Compute(keystone, client, guard, options.microversionLimit);
  const description = `openstack ${credentials.authUrl}`;
  const mistral = new Mistral(description, keystone, client, guard);
  const identity = new Identity(keystone, client);
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
