/** The monitor's options, and the connection that they describe. */
import type { EngineOptions } from '#config/options/options.ts';
import type { LibvirtConnection } from '../libvirt/connection.ts';
import type { DomainEvent } from '../libvirt/events.ts';
import { connectToAny, socketsFor } from '../libvirt/sockets.ts';

export type InstanceSettings = EngineOptions['instanceMonitor'];

/** virConnectSetKeepAlive(5, 3), as in Masakari: between two listings only the keepalive detects a hung libvirtd. */
const KEEPALIVE = { everyMs: 5000, count: 3 };

/** A read-only connection. Throws libvirt's error, or the error of each socket. */
export async function connectTo(
  { socket, connectionUri }: InstanceSettings,
  report: (event: DomainEvent) => void,
  signal?: AbortSignal,
): Promise<LibvirtConnection> {
  const settings = { uri: connectionUri, access: 'read-only', keepalive: KEEPALIVE, onEvent: report } as const;
  return connectToAny(socketsFor(socket, 'read-only'), signal ? { ...settings, signal } : settings);
}
