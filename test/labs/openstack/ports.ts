import { createServer, type Server } from 'node:net';

/**
 * Free TCP ports of the loopback, chosen anew for every lab, so that labs and whatever else runs here do not meet.
 *
 * They lie below Linux's usual range for outgoing connections (32768 and up): a port found free there could be taken by
 * somebody's connection before our process listens.
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

async function holdFreePort(): Promise<{ server: Server; port: number }> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (free) return { server, port };
  }
  throw new Error('No free TCP port found on 127.0.0.1 in 100 attempts.');
}
