/**
 * Lets peers of other nodes in over TLS.
 *
 * Invariants: who has not proven itself gets nothing but the words of TLS, has a few seconds, and is one of few: when too
 * many stand at the door, the address with the most of them loses its oldest. What went wrong is one log line for each
 * address and minute.
 */
import { createServer as createFrontServer, type Server, type Socket } from 'node:net';
import { createServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import { faultOfClient } from './handshake-failure.ts';
import type { Log } from './log.ts';
import { serverOptions, type TlsIdentity } from './tls-identity.ts';

export interface DoorLimits {
  /** From the first packet to the end of the handshake. */
  readonly handshakeTimeoutMs: number;
  /** Peers in the middle of a handshake. */
  readonly maxHandshakes: number;
  /** An address is logged no more often than this. */
  readonly logIntervalMs: number;
}

export const DEFAULT_DOOR_LIMITS: DoorLimits = {
  handshakeTimeoutMs: 5_000,
  maxHandshakes: 64,
  logIntervalMs: 60_000,
};

/** Addresses whose last log line is remembered. */
const MAX_REMEMBERED = 256;
/** Lines in one interval, of however many addresses: whoever has an IPv6 network has more than can be remembered. */
const MAX_LINES = 32;
/** Finds out within minutes that a host has lost its power. */
const KEEP_ALIVE_MS = 30_000;

/** The address and port cannot be listened on. */
export class AddressUnusable extends Error {
  override readonly name = 'AddressUnusable';
}

export interface DoorOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly identity: TlsIdentity;
  readonly log: Log;
  readonly limits?: DoorLimits;
}

export class TlsDoor {
  readonly #front: Server;
  readonly #tls: TlsServer;
  readonly #limits: DoorLimits;
  readonly #log: Log;
  /** Sockets whose handshake goes on by their address and port, the oldest first. */
  readonly #handshaking = new Map<string, Socket>();
  /** Addresses of sockets that have closed in this turn of the loop, before TLS has said why. */
  readonly #gone = new Set<string>();
  /** When an address was last logged, and how often it failed since. */
  readonly #logged = new Map<string, { readonly at: number; unsaid: number }>();

  /** Since when lines are counted, and how many there were. */
  #counted = { since: Number.NEGATIVE_INFINITY, lines: 0 };

  /** Throws `AddressUnusable`. */
  static async open(options: DoorOptions, onPeer: (socket: TLSSocket) => void): Promise<TlsDoor> {
    const door = new TlsDoor(options, onPeer);
    const { host, port } = options;
    await new Promise<void>((resolve, reject) => {
      door.#front.once('error', (error: NodeJS.ErrnoException) => {
        const advice =
          error.code === 'EADDRNOTAVAIL' ? 'this node does not have that address' : 'see [transport] listen';
        const what = `cannot listen on ${host}, port ${port} (${error.code ?? error.message}); ${advice}`;
        reject(new AddressUnusable(what, { cause: error }));
      });
      door.#front.listen({ host, port }, resolve);
    });
    // A connection that could not be accepted (EMFILE) is the peer's loss, never the engine's end.
    door.#front.on('error', () => {});
    return door;
  }

  private constructor({ identity, log, limits = DEFAULT_DOOR_LIMITS }: DoorOptions, onPeer: (peer: TLSSocket) => void) {
    this.#limits = limits;
    this.#log = log;
    this.#tls = createServer({ ...serverOptions(identity), handshakeTimeout: limits.handshakeTimeoutMs });
    this.#tls.on('secureConnection', (socket) => {
      this.#handshaking.delete(nameOf(socket));
      onPeer(socket);
    });
    this.#tls.on('tlsClientError', (error, socket) => {
      const fault = faultOfClient(error, socket.authorizationError);
      if (fault !== undefined) this.#tellFault(this.#addressOf(socket), fault);
      this.#handshaking.delete(nameOf(socket));
      socket.destroy();
    });
    // Counted before TLS begins: a TLS server does not tell whom it waits for.
    this.#front = createFrontServer((socket) => this.#receive(socket));
  }

  get port(): number {
    const address = this.#front.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  /** Takes nobody any more and waits for those let in, whom their server sends away. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#front.close(resolve));
    for (const socket of this.#handshaking.values()) socket.destroy();
    await closed;
  }

  #receive(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    const [name, address] = [nameOf(socket), socket.remoteAddress ?? ''];
    if (this.#handshaking.size >= this.#limits.maxHandshakes) this.#makeRoom();
    this.#handshaking.set(name, socket);
    socket.once('close', () => {
      if (this.#handshaking.get(name) !== socket) return;
      this.#handshaking.delete(name);
      this.#gone.add(address);
      setImmediate(() => this.#gone.delete(address));
    });
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    // nodejs.org/api/tls.html, event 'connection': it may be emitted by whoever holds a socket.
    this.#tls.emit('connection', socket);
  }

  #makeRoom(): void {
    const waiting = Map.groupBy(this.#handshaking.values(), ({ remoteAddress = '' }) => remoteAddress);
    const [most] = [...waiting.values()].sort((a, b) => b.length - a.length);
    most?.[0]?.destroy();
    for (const [name, socket] of this.#handshaking) if (socket.destroyed) this.#handshaking.delete(name);
  }

  /** Node closes the socket before it tells of a wrong certificate. */
  #addressOf({ remoteAddress }: Socket): string {
    if (remoteAddress !== undefined) return remoteAddress;
    const [one = 'unknown', another] = this.#gone;
    return another === undefined ? one : 'unknown';
  }

  #tellFault(address: string, fault: string): void {
    const now = performance.now();
    const last = this.#logged.get(address);
    if (last && now - last.at < this.#limits.logIntervalMs) {
      last.unsaid += 1;
      return;
    }
    if (now - this.#counted.since >= this.#limits.logIntervalMs) this.#counted = { since: now, lines: 0 };
    this.#counted.lines += 1;
    if (this.#counted.lines > MAX_LINES) return;
    // Forgetting one costs an additional line, and it is the oldest.
    const oldest = this.#logged.keys().next();
    if (!last && this.#logged.size >= MAX_REMEMBERED && !oldest.done) this.#logged.delete(oldest.value);
    this.#logged.delete(address);
    this.#logged.set(address, { at: now, unsaid: 0 });
    this.#log('warning', `a peer was turned away: ${fault}`, {
      address,
      ...(last && last.unsaid > 0 ? { times_before: last.unsaid } : {}),
    });
  }
}

function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
