import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** The action that is requested of the switch. */
export interface PowerRequest {
  readonly action: string;
  readonly node: string;
  /** The requesting node. */
  readonly by: string;
  readonly receivedAtMs: number;
  readonly answeredAtMs: number;
  readonly answer: string;
}

export interface Outlet {
  isAlive(): boolean;
  on(): Promise<void>;
  off(): Promise<void>;
}

/**
 * The power switch of the nodes: a unix socket that their fence agents reach.
 *
 * Invariant: the response to `off` is "ok" only if the node is dead.
 *
 * One request a connection: `<action> <node> <requesting node>`, one line of response: "ok", "on", "off", or the error.
 */
export class PowerSwitch {
  readonly requests: PowerRequest[] = [];
  /** A switch that refuses responds at once that it did nothing. */
  condition: 'works' | 'refuses' = 'works';
  readonly #outlets: ReadonlyMap<string, Outlet>;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();

  constructor(outlets: ReadonlyMap<string, Outlet>) {
    this.#outlets = outlets;
    this.#server = createServer((socket) => {
      this.#connections.add(socket);
      socket.on('error', () => {}).once('close', () => this.#connections.delete(socket));
      createInterface({ input: socket }).once('line', (line) => {
        void this.#serve(line).then((answer) => socket.end(`${answer}\n`));
      });
    });
  }

  async listen(path: string): Promise<void> {
    this.#server.listen(path);
    await once(this.#server, 'listening');
    this.#server.unref();
  }

  async close(): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(line: string): Promise<string> {
    const receivedAtMs = Date.now();
    const [action = '', node = '', by = ''] = line.trim().split(' ');
    const answer = await this.#perform(action, node).catch((error: Error) => error.message.replaceAll('\n', ' '));
    if (action !== 'monitor' && action !== 'status') {
      this.requests.push({ action, node, by, receivedAtMs, answeredAtMs: Date.now(), answer });
    }
    return answer;
  }

  async #perform(action: string, node: string): Promise<string> {
    if (this.condition === 'refuses') return 'refused';
    if (action === 'monitor') return 'ok';
    const outlet = this.#outlets.get(node);
    if (outlet === undefined) return `there is no outlet ${node}`;
    switch (action) {
      case 'status':
        return outlet.isAlive() ? 'on' : 'off';
      case 'on':
        await outlet.on();
        return 'ok';
      case 'off':
        await outlet.off();
        return 'ok';
      case 'reboot':
        await outlet.off();
        // It is dead, as requested; whether it boots again does not matter here.
        await outlet.on().catch(() => {});
        return 'ok';
      default:
        return `the switch does not know ${action}`;
    }
  }
}
