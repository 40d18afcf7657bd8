import { createServer, type Server } from 'node:net';
import { waitUntil } from '../waiting.ts';

/**
 * Free TCP ports of the loopback, chosen for every lab, so that labs and other programs do not collide.
 *
 * They are below Linux's usual range for outgoing connections (32768 and up), in which another process could take a free
 * port before ours listens.
 */
export async function freePorts<Name extends string>(names: readonly Name[]): Promise<Record<Name, number>> {
  const held: Server[] = [];
  try {
    const found: Partial<Record<Name, number>> = {};
    for (const name of names) {
      const { server, port } = await holdFreePort();
      held.push(server);
      found[name] = port;
    }
    return found as Record<Name, number>;
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

/** Waits until a server can listen there: the sockets of a killed process are closed some time after it is gone from the process table. */
export async function untilFree(port: number): Promise<void> {
  await waitUntil({ what: `port ${port} to be free`, seconds: 30, everyMs: 50 }, async () => {
    const server = await listen(port);
    if (server === undefined) return undefined;
    await new Promise((resolve) => server.close(resolve));
    return true;
  });
}

async function holdFreePort(): Promise<{ server: Server; port: number }> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    const server = await listen(port);
    if (server !== undefined) return { server, port };
  }
  throw new Error('No free TCP port found on 127.0.0.1 in 100 attempts.');
}

/** Undefined where the port is in use. */
async function listen(port: number): Promise<Server | undefined> {
  const server = createServer();
  const isListening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
  });
  return isListening ? server : undefined;
}
