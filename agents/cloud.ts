/** From the configuration to the cloud that tasks act on. */

import { type Credentials, loadCredentials, Secret } from '#config/clouds/clouds.ts';
import { homeDirectory } from '#config/clouds/home.ts';
import { ProxyVariables } from '#config/clouds/proxy.ts';
import type { Configuration } from '#config/configuration.ts';
import type { EngineOptions } from '#config/options/options.ts';
import type { Cloud } from '#engine/cloud/cloud.ts';
import { openStackCloud } from '#engine/cloud/openstack-cloud.ts';
import { SimulatedCloud } from '#engine/cloud/simulated/client.ts';
import { socketLink } from '#engine/cloud/simulated/socket-link.ts';
import type { ActGuard } from '#openstack/act-guard.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { Log } from '#protocol/log.ts';
import { CommandFailure, EXIT } from './exit-codes.ts';
import { VERSION } from './version.ts';

/** Masakari's own options for its user; undefined where the configuration names none. */
function privilegedUser({ nova }: EngineOptions): Credentials | undefined {
  if (!nova.osPrivilegedUserName || !nova.osPrivilegedUserAuthUrl) return undefined;
  const [, , endpoint] = nova.novaCatalogAdminInfo.split(':');
  const kind = endpoint === 'internalURL' ? 'internal' : endpoint === 'adminURL' ? 'admin' : 'public';
  return {
    source: 'os_privileged_user_name',
    method: 'password',
    authUrl: nova.osPrivilegedUserAuthUrl,
    user: { name: nova.osPrivilegedUserName, domain: { name: nova.osUserDomainName } },
    password: new Secret(String(nova.osPrivilegedUserPassword)),
    scope: { project: { name: nova.osPrivilegedUserTenant, domain: { name: nova.osProjectDomainName } } },
    region: nova.osRegionName || undefined,
    interface: kind,
    caFile: nova.novaCaCertificatesFile || undefined,
    verify: nova.novaApiInsecure ? 'nothing' : 'certificates',
    proxies: new ProxyVariables(process.env),
  };
}

function credentialsOf({ options }: Configuration): Credentials {
  const { cloud, nova } = options;
  const named = privilegedUser(options);
  if (named) return named;
  return loadCredentials({
    environment: process.env,
    ...(cloud.cloud ? { cloud: cloud.cloud } : {}),
    ...(cloud.cloudsFile ? { file: cloud.cloudsFile } : {}),
    home: homeDirectory(),
    directory: process.cwd(),
    ...(nova.osRegionName ? { region: nova.osRegionName } : {}),
  });
}

/** Prepares the cloud; makes no call. Throws `CommandFailure` when there are no usable credentials. */
export function prepareCloud(configuration: Configuration, log: Log): (guard: ActGuard) => Cloud {
  const { cloud } = configuration.options;
  if (cloud.driver === 'simulated') {
    if (!cloud.simulatedAddress) {
      throw new CommandFailure(
        EXIT.usage,
        '[cloud] driver = simulated needs simulated_address, the socket of a simulated cloud',
      );
    }
    return (guard) => new SimulatedCloud(socketLink(cloud.simulatedAddress), guard);
  }
  let credentials: Credentials;
  try {
    credentials = credentialsOf(configuration);
  } catch (error) {
    const reason = errorMessage(error);
    throw new CommandFailure(EXIT.usage, `no usable credentials of the cloud: ${reason}`, error);
  }
  return (guard) =>
    openStackCloud({
      credentials,
      guard,
      userAgent: `recovery-agent/${VERSION}`,
      options: { connectTimeoutMs: cloud.connectTimeoutMs, requestTimeoutMs: cloud.requestTimeoutMs },
      log: (level, message) => log(level === 'warn' ? 'warning' : level, message),
    });
}
