/** The socket that receives heartbeats, until the signal; datagrams are passed on, nothing is decided. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';

export type Datagram = (bytes: Buffer, from: string) => void;

/**
 * Resolves when the signal is aborted and the socket closed. Throws if it cannot listen, or can no longer listen.
 *
 * @param opened receives the port as soon as datagrams can arrive
 */
export async function receive(
  place: { readonly listen: string; readonly port: number },
  arrived: Datagram,
  opened: (port: number) => void,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  const socket = await bound(place);
  try {
    socket.on('message', (bytes, { address }) => arrived(bytes, address));
    opened(socket.address().port);
    // `once` throws the error that the socket reports.
    await once(socket, 'close', { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    socket.removeAllListeners('message').on('error', () => undefined);
    socket.close();
  }
}

async function bound({ listen, port }: { readonly listen: string; readonly port: number }): Promise<Socket> {
  try {
    return await bind(listen, port);
  } catch (error) {
    // A kernel without IPv6: "all addresses" is then all of IPv4.
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (listen === '::' && (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL')) return bind('0.0.0.0', port);
    throw error;
  }
}

async function bind(address: string, port: number): Promise<Socket> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  try {
    socket.bind({ address, port, exclusive: true });
    await once(socket, 'listening');
    return socket;
  } catch (cause) {
    socket.on('error', () => undefined).close();
    throw cause;
  }
}
