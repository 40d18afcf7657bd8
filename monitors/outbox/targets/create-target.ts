/** From the options to the target of this host's reports. */
import { loadCredentials } from '#config/clouds.ts';
import { homeDirectory } from '#config/home.ts';
import type { EngineOptions } from '#config/options.ts';
import type { WrittenAddress } from '#config/transport-addresses.ts';
import { describeAddress, type EngineAddress } from '#protocol/address.ts';
import { readIdentity } from '#protocol/tls-identity.ts';
import { EngineTarget } from './engine-target.ts';
import { httpClient } from './http.ts';
import { KeystoneSession } from './keystone-session.ts';
import { MasakariTarget } from './masakari-target.ts';
import type { Target } from './target.ts';

/**
 * Makes no call. Throws `CredentialsError` when reports go to a Masakari and there are no credentials; a key or certificate
 * that is missing yet is looked for at each attempt and keeps reports waiting.
 */
export function createTarget(options: EngineOptions): Target {
  return options.transport.target === 'masakari' ? masakari(options) : engine(options);
}

function engine({ transport, engine: { socket } }: EngineOptions): EngineTarget {
  const own: WrittenAddress = { kind: 'unix', path: socket };
  const places = (transport.engines.length > 0 ? transport.engines : [own]).map((one) =>
    one.kind === 'unix' ? one : { ...one, port: one.port ?? transport.port },
  );
  const addresses = (): EngineAddress[] => {
    const identity = places.some(({ kind }) => kind === 'tls') ? readIdentity(transport) : undefined;
    return places.flatMap((place): EngineAddress[] => {
      if (place.kind === 'unix') return [place];
      return identity ? [{ ...place, identity }] : [];
    });
  };
  const description = `the engine (${places.map(describeAddress).join(', ')})`;
  return new EngineTarget({ description, addresses, answerTimeoutMs: transport.answerTimeoutMs });
}

function masakari({ transport, cloud, nova }: EngineOptions): MasakariTarget {
  const credentials = loadCredentials({
    environment: process.env,
    ...(cloud.cloud ? { cloud: cloud.cloud } : {}),
    ...(cloud.cloudsFile ? { file: cloud.cloudsFile } : {}),
    home: homeDirectory(),
    directory: process.cwd(),
    ...(nova.osRegionName ? { region: nova.osRegionName } : {}),
  });
  const timeoutMs = Math.min(transport.answerTimeoutMs, credentials.timeoutMs ?? Number.POSITIVE_INFINITY);
  const http = httpClient(credentials, timeoutMs);
  const session = new KeystoneSession(credentials, http.ask, transport.masakariEndpoint.replace(/\/+$/, ''));
  return new MasakariTarget(`Masakari of ${credentials.authUrl}`, session, http);
}
