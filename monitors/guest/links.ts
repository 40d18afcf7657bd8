/**
 * The connections to libvirt, each opened when it is needed and anew when it was lost.
 *
 * They are three, because libvirt reads no more than five unanswered calls of a connection (max_client_requests): agents
 * that are silent and QEMUs that hang must not keep the monitor from seeing the others.
 */
import { type Access, LibvirtConnection } from './libvirt/connection.ts';

/** virtqemud's own socket comes first: where it exists, libvirt-sock is a mere proxy. */
export const LIBVIRT_SOCKETS = ['/run/libvirt/virtqemud-sock', '/run/libvirt/libvirt-sock'];

class Link {
  readonly #sockets: readonly string[];
  readonly #uri: string;
  readonly #access: Access;
  #opened: LibvirtConnection | undefined;
  #opening: Promise<LibvirtConnection> | undefined;
  #isClosed = false;

  constructor(sockets: readonly string[], uri: string, access: Access) {
    this.#sockets = sockets;
    this.#uri = uri;
    this.#access = access;
  }

  /** Throws what the last socket that was tried said. */
  async open(): Promise<LibvirtConnection> {
    if (this.#opened !== undefined && !this.#opened.isLost) return this.#opened;
    this.#opening ??= this.#openAny().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  close(): void {
    this.#isClosed = true;
    this.#opened?.close();
  }

  async #openAny(): Promise<LibvirtConnection> {
    let failure: unknown = new Error('no socket of libvirt is configured');
    for (const socket of this.#sockets) {
      try {
        const connection = await LibvirtConnection.open(socket, this.#uri, this.#access);
        this.#opened = connection;
        // Closed while it was being opened: it must not stay behind.
        if (this.#isClosed) connection.close();
        return connection;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }
}

export class Links {
  /** Lists, descriptions, states: answered at once. */
  readonly looks: Link;
  /** Agents; libvirt lets only read-write connections talk to them. */
  readonly agents: Link;
  /** Questions to QEMU, which may stay unanswered. */
  readonly probes: Link;

  constructor(sockets: readonly string[], uri: string) {
    this.looks = new Link(sockets, uri, 'read-only');
    this.agents = new Link(sockets, uri, 'read-write');
    this.probes = new Link(sockets, uri, 'read-only');
  }

  close(): void {
    for (const link of [this.looks, this.agents, this.probes]) link.close();
  }
}
