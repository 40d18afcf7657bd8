/** Serves a world on a unix socket, one JSON object a line each way: for engines in processes of their own. */
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { CloudError } from '../cloud.ts';
import { callWorld } from './calls.ts';
import type { World } from './world.ts';

export class WorldServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async start(world: World, path: string): Promise<WorldServer> {
    const started = new WorldServer(world);
    await new Promise<void>((resolve, reject) => {
      started.#server.once('error', reject);
      started.#server.listen(path, resolve);
    });
    return started;
  }

  private constructor(world: World) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      createInterface({ input: socket }).on('line', (line) => socket.write(`${JSON.stringify(answer(world, line))}\n`));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function answer(world: World, line: string): unknown {
  const { id, method, args } = JSON.parse(line);
  try {
    return { id, result: callWorld(world, method, args) };
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    const { kind, message, status, requestId, retryAfter } = error;
    return { id, error: { kind, message, status, requestId, retryAfter } };
  }
}
