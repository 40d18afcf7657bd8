/**
 * The connections to libvirt, each opened when it is needed and anew when it was lost.
 *
 * They are three, because libvirt reads no more than five unanswered calls of a connection (max_client_requests): agents
 * that are silent and QEMUs that hang must not keep the monitor from seeing the others. For the same reason they are not
 * kept alive by pings; every round asks, and every call has its time.
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

  /** Throws what libvirt, or each socket, said. */
  async open(): Promise<LibvirtConnection> {
    if (this.#opened?.isOpen) return this.#opened;
    this.#opening ??= this.#openAnew().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #openAnew(): Promise<LibvirtConnection> {
    this.#opened = await connectToAny(this.#sockets, this.#settings);
    return this.#opened;
  }
}

export class Links {
  /** Lists, descriptions, states: answered at once. */
  readonly looks: Link;
  /** Agents; libvirt lets only read-write connections talk to them. */
  readonly agents: Link;
  /** Questions to QEMU, which may stay unanswered. */
  readonly probes: Link;
  readonly #end = new AbortController();

  constructor(sockets: readonly string[], uri: string) {
    const { signal } = this.#end;
    this.looks = new Link(sockets, { uri, access: 'read-only', signal });
    this.agents = new Link(sockets, { uri, access: 'read-write', signal });
    this.probes = new Link(sockets, { uri, access: 'read-only', signal });
  }

  /** Also those that are being opened. */
  close(): void {
    this.#end.abort();
  }
}
