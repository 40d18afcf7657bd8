/**
 * libvirt's sockets on this host, and the connection to the first one that responds.
 *
 * The socket of libvirtd (or of virtproxyd, which replaces it) comes first, then that of the modular daemon. In the other
 * order, a connection to virtqemud's socket could start virtqemud beside a libvirtd that owns the same guests.
 */
import { errorMessage } from '#protocol/error-message.ts';
import { type Access, type ConnectionSettings, LibvirtConnection } from './connection.ts';
import { ConnectionLost } from './errors.ts';

const SOCKETS: Readonly<Record<Access, readonly string[]>> = {
  'read-only': ['/run/libvirt/libvirt-sock-ro', '/run/libvirt/virtqemud-sock-ro'],
  'read-write': ['/run/libvirt/libvirt-sock', '/run/libvirt/virtqemud-sock'],
};

/** @param configured the option; empty: libvirt's default sockets */
export function socketsFor(configured: string, access: Access): readonly string[] {
  return configured === '' ? SOCKETS[access] : [configured];
}

/** Connects to the first socket that responds. Throws the errors of all sockets if none does. */
export async function connectToAny(
  sockets: readonly string[],
  settings: ConnectionSettings,
): Promise<LibvirtConnection> {
  const errors: unknown[] = [];
  for (const path of sockets) {
    settings.signal?.throwIfAborted();
    try {
      return await LibvirtConnection.open(path, settings);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 1) throw errors[0];
  const words = errors.map((error) => errorMessage(error));
  throw new ConnectionLost(words.join(' '), { cause: new AggregateError(errors) });
}
