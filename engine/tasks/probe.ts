/**
 * Tries whether an address can be reached: a TCP connection, or an HTTP response.
 *
 * Invariant: it ends within its limit, reads at most the head of a response, and follows no redirect. What it contacts was chosen by the
 * operator: the caller passes only addresses in networks of the configuration.
 */
import { connect, isIPv6 } from 'node:net';
import type { TaskSettings } from '#config/options/task-settings.ts';

/** Of one try; a host on the same network responds within milliseconds, and after a lost packet within seconds. */
const PROBE_MS = 3_000;

type Settings = Pick<TaskSettings, 'reachableProbe' | 'reachablePort' | 'reachablePath'>;

/** Does not reject; resolves to false when the signal is aborted. */
export async function isReachable(address: string, settings: Settings, signal: AbortSignal): Promise<boolean> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(PROBE_MS)]);
  return settings.reachableProbe === 'tcp'
    ? connects(address, settings.reachablePort, limit)
    : responds(address, settings, limit);
}

function connects(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal });
    const end = (isUp: boolean) => (): void => {
      socket.destroy();
      resolve(isUp);
    };
    socket.once('connect', end(true)).once('error', end(false));
  });
}

async function responds(address: string, settings: Settings, signal: AbortSignal): Promise<boolean> {
  const { Agent, request } = await import('undici');
  const dispatcher = new Agent();
  try {
    const host = isIPv6(address) ? `[${address}]` : address;
    const url = `http://${host}:${settings.reachablePort}${settings.reachablePath}`;
    const { statusCode } = await request(url, { dispatcher, signal });
    return statusCode < 500;
  } catch {
    return false;
  } finally {
    await dispatcher.destroy();
  }
}
