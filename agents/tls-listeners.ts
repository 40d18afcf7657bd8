/** The engine's ear for other nodes: [transport] listen. */
import type { EngineOptions } from '#config/options.ts';
import type { Log } from '#protocol/log.ts';
import { IdentityUnusable } from '#protocol/pre-shared-key.ts';
import { type Method, RpcServer } from '#protocol/server.ts';
import { readIdentity, type TlsIdentity } from '#protocol/tls-identity.ts';
import { CommandFailure, EXIT } from './exit-codes.ts';

/** What a monitor needs. Whoever has a host's key may report and ask, and steers nothing. */
export const REMOTE_METHODS: readonly string[] = ['ping', 'notify', 'instance', 'blind'];

/** The proof of who this engine is; undefined when it listens to its own node alone. Throws `CommandFailure`. */
export function engineIdentity({ transport }: EngineOptions): TlsIdentity | undefined {
  if (transport.listen.length === 0) return undefined;
  try {
    return readIdentity(transport);
  } catch (error) {
    if (error instanceof IdentityUnusable) throw new CommandFailure(EXIT.usage, error.message, error);
    throw error;
  }
}

/** Throws `AddressUnusable` where the engine could not listen, before it takes anything. */
export async function tryAddresses({ transport }: EngineOptions, identity: TlsIdentity | undefined): Promise<void> {
  if (!identity) return;
  for (const { host, port = transport.port } of transport.listen) {
    const probe = await RpcServer.listenTls({ host, port, identity, log: () => {} }, {});
    await probe.close();
  }
}

/** Listens on every address; on none when one cannot be used. Throws `AddressUnusable`. */
export async function listenForHosts(
  { transport }: EngineOptions,
  identity: TlsIdentity | undefined,
  methods: Readonly<Record<string, Method>>,
  log: Log,
): Promise<readonly RpcServer[]> {
  if (!identity) return [];
  const allowed = Object.fromEntries(Object.entries(methods).filter(([name]) => REMOTE_METHODS.includes(name)));
  const servers: RpcServer[] = [];
  try {
    for (const { host, port = transport.port } of transport.listen) {
      servers.push(await RpcServer.listenTls({ host, port, identity, log }, allowed));
      log('info', 'engine hears other nodes', {
        address: host,
        port,
        proof: identity.kind === 'key' ? 'key' : 'certificates',
      });
    }
    return servers;
  } catch (error) {
    await Promise.all(servers.map((server) => server.close()));
    throw error;
  }
}
