/** Where the engine listens for other nodes ([transport] listen), whom it admits there, and with which roles. */
import type { EngineOptions } from '#config/options/options.ts';
import type { Role } from '#protocol/caller.ts';
import { isEqualHost } from '#protocol/host-name.ts';
import { parseHostKey } from '#protocol/identity/host-key.ts';
import { KeyRingFile } from '#protocol/identity/key-ring-file.ts';
import type { Log } from '#protocol/log.ts';
import { IdentityUnusable, readKeyFile, sharedKeyOf } from '#protocol/pre-shared-key.ts';
import { type Method, RpcServer } from '#protocol/server.ts';
import { type Admission, type ProvenPeer, readCertificates } from '#protocol/tls-identity.ts';
import { CommandFailure, EXIT } from './exit-codes.ts';

export interface EngineAdmission {
  readonly admission: Admission;
  /** Where hosts prove themselves by keys of their own. */
  readonly ring?: KeyRingFile;
}

/** How peers prove themselves to this engine; undefined when it listens to its own node alone. Throws `CommandFailure`. */
export function engineAdmission({ transport }: EngineOptions, log: Log): EngineAdmission | undefined {
  if (transport.listen.length === 0) return undefined;
  try {
    if (transport.caFile !== '') return { admission: readCertificates(transport) };
    const ring = transport.keyRingFile === '' ? undefined : new KeyRingFile(transport.keyRingFile, log);
    const sharedKey = sharedKeyIn(transport);
    const admission: Admission = {
      kind: 'keys',
      ...(ring ? { ring: () => ring.current } : {}),
      ...(sharedKey ? { sharedKey } : {}),
    };
    return { admission, ...(ring ? { ring } : {}) };
  } catch (error) {
    if (error instanceof IdentityUnusable) throw new CommandFailure(EXIT.usage, error.message, error);
    throw error;
  }
}

/** The key that all nodes share, where it is accepted and the file holds one. Throws `IdentityUnusable`. */
function sharedKeyIn({ keyFile, sharedKey }: EngineOptions['transport']): Buffer | undefined {
  if (sharedKey !== 'accept' || keyFile === '') return undefined;
  const bytes = readKeyFile(keyFile);
  return parseHostKey(bytes) === undefined ? sharedKeyOf(bytes, keyFile) : undefined;
}

/** What a peer may report or command. */
export function rolesOf({ transport }: EngineOptions): (peer: ProvenPeer) => readonly Role[] {
  return ({ host, proof }) => {
    if (host === undefined) return proof === 'shared key' ? ['host', 'watcher'] : [];
    const isIn = (names: readonly string[]): boolean => names.some((name) => isEqualHost(name, host));
    return [
      'host',
      ...(isIn(transport.watchers) ? (['watcher'] as const) : []),
      ...(isIn(transport.operators) ? (['operator'] as const) : []),
    ];
  };
}

/** Throws `AddressUnusable` where the engine could not listen, before it takes anything. */
export async function tryAddresses({ transport }: EngineOptions, identity: Admission | undefined): Promise<void> {
  if (!identity) return;
  for (const { host, port = transport.port } of transport.listen) {
    const probe = await RpcServer.listenTls({ host, port, identity, log: () => {} }, {});
    await probe.close();
  }
}

/** Listens on every address; on none when one cannot be used. Throws `AddressUnusable`. */
export async function listenForHosts(
  options: EngineOptions,
  identity: Admission | undefined,
  methods: Readonly<Record<string, Method>>,
  log: Log,
): Promise<readonly RpcServer[]> {
  if (!identity) return [];
  const { transport } = options;
  const servers: RpcServer[] = [];
  try {
    for (const { host, port = transport.port } of transport.listen) {
      servers.push(await RpcServer.listenTls({ host, port, identity, log, rolesOf: rolesOf(options) }, methods));
      log('info', 'engine listens for other nodes', { address: host, port, proof: identity.kind });
    }
    return servers;
  } catch (error) {
    await Promise.all(servers.map((server) => server.close()));
    throw error;
  }
}
