/** What the monitor takes from the options, and the connection that it makes of it. */
import type { EngineOptions } from '#config/options.ts';
import type { LibvirtConnection } from '../libvirt/connection.ts';
import type { DomainEvent } from '../libvirt/events.ts';
import { connectToAny, socketsFor } from '../libvirt/sockets.ts';

export type InstanceSettings = EngineOptions['instanceMonitor'];

/** virConnectSetKeepAlive(5, 3), as in Masakari: between two listings nothing else tells of a libvirtd that hangs. */
const KEEPALIVE = { everyMs: 5000, count: 3 };

/** A read-only connection. Throws what libvirt, or each socket, said. */
export async function connectTo(
  { socket, connectionUri }: InstanceSettings,
  tell: (event: DomainEvent) => void,
  signal?: AbortSignal,
): Promise<LibvirtConnection> {
  const settings = { uri: connectionUri, access: 'read-only', keepalive: KEEPALIVE, tell } as const;
  return connectToAny(socketsFor(socket, 'read-only'), signal ? { ...settings, signal } : settings);
}
