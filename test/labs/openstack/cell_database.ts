import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * The way of Nova's services to the database of the second cell: a TCP proxy in this process that a test can cut.
 *
 * `refuse`: as a database that was stopped, connections end and new ones are refused. `hang`: as a network that loses packets,
 * connections stay open and nothing comes back.
 */
export class CellDatabase {
  readonly #port: number;
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #hangs = false;

  /** @param port where the services connect to  @param target the port of MariaDB */
  constructor(port: number, target: number) {
    this.#port = port;
    this.#target = target;
  }

  async open(): Promise<void> {
    if (this.#hangs) this.#endConnections();
    this.#hangs = false;
    if (this.#server) return;
    const server = createServer((client) => this.#forward(client));
    server.listen(this.#port, '127.0.0.1').unref();
    await once(server, 'listening');
    this.#server = server;
  }

  async cut(how: 'refuse' | 'hang' = 'refuse'): Promise<void> {
    if (how === 'hang') {
      this.#hangs = true;
      return;
    }
    const server = this.#server;
    this.#server = undefined;
    const closed = server && once(server, 'close');
    server?.close();
    this.#endConnections();
    await closed;
  }

  #endConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #forward(client: Socket): void {
    const database = connect({ host: '127.0.0.1', port: this.#target });
    this.#pass(client, database);
    this.#pass(database, client);
  }

  #pass(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.setNoDelay(true).unref();
    from.on('data', (data) => {
      if (!this.#hangs) to.write(data);
    });
    from.on('error', () => from.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
