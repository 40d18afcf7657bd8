/** The sender of requests on a connection, and what it may report or command. */

/**
 * `host`: failures of that host itself, its processes and instances. `watcher`: deaths and returns of other hosts.
 * `operator`: commands about recoveries and hosts.
 */
export type Role = 'host' | 'watcher' | 'operator';

export interface Caller {
  /** The name of the host, as its key or certificate has it; `local` for the engine's unix socket, `shared key` for a peer with that key. */
  readonly identity: string;
  /** The only host whose failures it may report; null: every host. */
  readonly host: string | null;
  readonly roles: readonly Role[];
  /** IP address of the peer; empty for a unix socket. */
  readonly address: string;
}

/** The audit records events of the engine's own node under these names; no other node has one of them. */
export const RESERVED_IDENTITIES: readonly string[] = ['local', 'engine'];

/** A process that may open the engine's unix socket (mode 0660) may do everything. */
export const LOCAL_CALLER: Caller = {
  identity: 'local',
  host: null,
  roles: ['host', 'watcher', 'operator'],
  address: '',
};

/** The share of connections and reports that it uses: a peer with the shared key has the share of its address. */
export function shareOf({ identity, host, address }: Caller): string {
  return host === null ? `${identity} ${address}` : identity;
}
