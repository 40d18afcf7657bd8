/** What the monitor takes from the options, and where libvirt's socket is. */
import type { EngineOptions } from '#config/options.ts';
import { type ConnectionTimes, LibvirtConnection } from '../libvirt/connection.ts';
import type { DomainEvent } from '../libvirt/events.ts';

export type InstanceSettings = EngineOptions['instanceMonitor'];

/**
 * First the socket of libvirtd (or of virtproxyd, which takes its place), then that of the modular daemon. Not the other
 * way round: to knock at virtqemud's socket could start it beside a libvirtd that owns the same guests.
 */
const SOCKETS = ['/run/libvirt/libvirt-sock-ro', '/run/libvirt/virtqemud-sock-ro'];

/** Connects to the first socket that answers. Throws what the first one said when none does. */
export async function connectTo(
  { socket, connectionUri }: InstanceSettings,
  tell: (event: DomainEvent) => void,
  times?: ConnectionTimes,
): Promise<LibvirtConnection> {
  const errors: unknown[] = [];
  for (const path of socket === '' ? SOCKETS : [socket]) {
    try {
      return await LibvirtConnection.open(path, connectionUri, tell, times);
    } catch (error) {
      errors.push(error);
    }
  }
  throw errors[0];
}
