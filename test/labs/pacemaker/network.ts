import { mustExecute, PATH } from './execute.ts';
import type { World } from './world.ts';

/** The bridge of the world and the wires of the nodes: each a veth whose one end is the node's eth0. */
export class Network {
  readonly #world: World;
  /** Ports taken out of the bridge; a node that boots again stays cut off. */
  readonly #partitioned = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Creates the eth0 of a node that has just started to boot; at its next boot it has the same hardware address, as a machine has. */
  async plug(node: string, pid: number, address: string): Promise<void> {
    await this.cut(node);
    await this.#ip(
      `link add ${node} type veth peer name eth0 address ${hardwareAddress(address)} netns ${pid}`,
      `link set ${node} ${this.#port(node)} up`,
    );
  }

  /** Both ends of the wire are gone at once: not even the kernel of a dying node can still send a packet through it. */
  async cut(node: string): Promise<void> {
    await this.#ip(`link del ${node}`).catch((error: Error) => {
      if (!error.message.includes('Cannot find device')) throw error;
    });
  }

  /** The node neither receives nor sends packets; its own end of the wire is unchanged. */
  async partition(node: string): Promise<void> {
    this.#partitioned.add(node);
    await this.#setPort(node);
  }

  async heal(node: string): Promise<void> {
    this.#partitioned.delete(node);
    await this.#setPort(node);
  }

  isPartitioned(node: string): boolean {
    return this.#partitioned.has(node);
  }

  #port(node: string): string {
    return this.#partitioned.has(node) ? 'nomaster' : 'master br0';
  }

  /** A node that is off has no wire; its port is set when it boots. */
  async #setPort(node: string): Promise<void> {
    await this.#ip(`link set ${node} ${this.#port(node)}`).catch((error: Error) => {
      if (!error.message.includes('Cannot find device')) throw error;
    });
  }

  async #ip(...commands: readonly string[]): Promise<void> {
    const argv = this.#world.enter('--net', 'ip', '-batch', '-');
    await mustExecute(argv, { stdin: `${commands.join('\n')}\n`, timeoutMs: 5000, env: { PATH, LC_ALL: 'C' } });
  }
}

/** An address of no manufacturer (02: locally administered), made of the IPv4 address. */
function hardwareAddress(address: string): string {
  const bytes = [0x02, 0, ...address.split('.').map(Number)];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
