/**
 * Where libvirt listens on this host, and the connection to whoever listens there.
 *
 * First the socket of libvirtd (or of virtproxyd, which takes its place), then that of the modular daemon. Not the other way
 * round: to knock at virtqemud's socket could start it beside a libvirtd that owns the same guests.
 */
import { type Access, type ConnectionSettings, LibvirtConnection } from './connection.ts';
import { ConnectionLost } from './errors.ts';

const SOCKETS: Readonly<Record<Access, readonly string[]>> = {
  'read-only': ['/run/libvirt/libvirt-sock-ro', '/run/libvirt/virtqemud-sock-ro'],
  'read-write': ['/run/libvirt/libvirt-sock', '/run/libvirt/virtqemud-sock'],
};

/** @param configured the option; empty: wherever libvirt listens by itself */
export function socketsFor(configured: string, access: Access): readonly string[] {
  return configured === '' ? SOCKETS[access] : [configured];
}

/** Connects to the first socket that answers. Throws what each of them said when none does. */
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
  const words = errors.map((error) => (error instanceof Error ? error.message : String(error)));
  throw new ConnectionLost(words.join(' '), { cause: new AggregateError(errors) });
}
