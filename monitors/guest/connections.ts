/**
 * The connections to libvirt. Each one is opened when it is needed, and again after it was lost.
 *
 * There are three, because libvirt reads at most five unanswered calls of a connection (max_client_requests): silent
 * agents and hung QEMUs must not prevent the monitor from reading the others. For the same reason no keepalive is sent;
 * every round sends calls, and every call has a timeout.
 */
import type { ConnectionSettings, LibvirtConnection } from '../libvirt/connection.ts';
import { connectToAny } from '../libvirt/sockets.ts';

class Link {
  readonly #sockets: readonly string[];
  readonly #settings: ConnectionSettings;
  #opened: LibvirtConnection | undefined;
  #opening: Promise<LibvirtConnection> | undefined;

  constructor(sockets: readonly string[], settings: ConnectionSettings) {
    this.#sockets = sockets;
    this.#settings = settings;
  }

  /** Throws libvirt's error, or the error of each socket. */
  async open(): Promise<LibvirtConnection> {
    if (this.#opened?.isOpen) return this.#opened;
    this.#opening ??= this.#reopen().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #reopen(): Promise<LibvirtConnection> {
    this.#opened = await connectToAny(this.#sockets, this.#settings);
    return this.#opened;
  }
}

export class Links {
  /** Lists, descriptions, states: libvirt responds at once. */
  readonly polls: Link;
  /** Pings of agents; libvirt accepts them only on read-write connections. */
  readonly agents: Link;
  /** Requests to QEMU, which may stay unanswered. */
  readonly probes: Link;
  readonly #end = new AbortController();

  constructor(sockets: readonly string[], uri: string) {
    const { signal } = this.#end;
    this.polls = new Link(sockets, { uri, access: 'read-only', signal });
    this.agents = new Link(sockets, { uri, access: 'read-write', signal });
    this.probes = new Link(sockets, { uri, access: 'read-only', signal });
  }

  /** Closes also connections that are being opened. */
  close(): void {
    this.#end.abort();
  }
}
