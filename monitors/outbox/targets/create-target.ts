/** Creates the target of this host's reports from the options. */
import { loadCredentials } from '#config/clouds/clouds.ts';
import { homeDirectory } from '#config/clouds/home.ts';
import type { EngineOptions } from '#config/options/options.ts';
import type { WrittenAddress } from '#config/options/transport-addresses.ts';
import { describeAddress, type EngineAddress } from '#protocol/address.ts';
import { readIdentity } from '#protocol/tls-identity.ts';
import { EngineTarget } from './engine/target.ts';
import { MasakariApi } from './masakari/api.ts';
import { MasakariTarget } from './masakari/target.ts';
import type { Target } from './target.ts';

/**
 * Makes no call. Throws `CredentialsError` if reports go to a Masakari and there are no credentials. A key or certificate
 * that does not exist yet is read again at each attempt; until then the reports wait.
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
  const api = new MasakariApi(credentials, transport.masakariEndpoint.replace(/\/+$/, ''), timeoutMs);
  return new MasakariTarget(`Masakari of ${credentials.authUrl}`, api);
}
