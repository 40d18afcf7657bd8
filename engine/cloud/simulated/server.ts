/** Serves a world on a socket, one JSON object a line each way: for engines in processes of their own. */
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { CloudError } from '#openstack/cloud-error.ts';
import { type Call, callObserved } from './calls.ts';
import type { World } from './world.ts';

export type { Call } from './calls.ts';

export class WorldServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /**
   * On a unix socket.
   * @param observe called for each call when it has had its effect and before its response is sent
   */
  static async start(world: World, path: string, observe: (call: Call) => void = () => {}): Promise<WorldServer> {
    const server = createServer();
    const started = new WorldServer(world, server, observe);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    return started;
  }

  /** On a server that listens already, e.g. in another network namespace. */
  constructor(world: World, server: Server, observe: (call: Call) => void = () => {}) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      const lines = createInterface({ input: socket });
      // It repeats the socket's errors; the failure of an engine that was killed does not concern this side.
      lines.on('error', () => {});
      lines.on('line', (line) => {
        const reply = answer(world, line, observe);
        if (!socket.destroyed) socket.write(`${JSON.stringify(reply)}\n`);
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function answer(world: World, line: string, observe: (call: Call) => void): unknown {
  const { id, method, args } = JSON.parse(line);
  try {
    return { id, result: callObserved(world, method, args, observe) };
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    const { kind, message, status, requestId, retryAfter } = error;
    return { id, error: { kind, message, status, requestId, retryAfter } };
  }
}
