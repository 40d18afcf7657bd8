/** An inventory of hosts over HTTP, as docs/examples/tasks/update_inventory.ts uses it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

interface Recorded {
  readonly state: string;
  /** The step key of the last update. */
  readonly by: string;
}

export class Inventory implements AsyncDisposable {
  readonly #received: Recorded[] = [];
  readonly #hosts = new Map<string, Recorded & { readonly id: number }>();
  readonly #server = createServer(async (request, response) => {
    const host = request.url ?? '';
    if (request.method === 'PUT') {
      const entry = (await json(request)) as Recorded;
      this.#received.push(entry);
      this.#hosts.set(host, { ...entry, id: 4711 });
    }
    const found = this.#hosts.get(host);
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(found ?? {}));
  });

  static async start(): Promise<Inventory> {
    const here = new Inventory();
    await new Promise<void>((done) => here.#server.listen(0, '127.0.0.1', done));
    return here;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The updates of one recovery, oldest first. */
  updatesOf(notification: string): string[] {
    return this.#received.filter(({ by }) => by.startsWith(`${notification}/`)).map(({ state }) => state);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}
