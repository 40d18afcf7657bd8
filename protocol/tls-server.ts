/**
 * Accepts peers of other nodes over TLS.
 *
 * Invariants: a peer that is not authenticated gets only messages of TLS, has a few seconds, and is one of few: if too
 * many handshakes are open, the address with the most of them loses its oldest. Failures are logged once for each
 * address and minute.
 */
import { createServer as createFrontServer, type Server, type Socket } from 'node:net';
import { createServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import type { Caller, Role } from './caller.ts';
import { faultOfClient } from './handshake-failure.ts';
import { comparableHost } from './host-name.ts';
import type { Log } from './log.ts';
import { type Admission, type ProvenPeer, type ServerSide, serverSide } from './tls-identity.ts';

export interface DoorLimits {
  /** From the first packet to the end of the handshake. */
  readonly handshakeTimeoutMs: number;
  /** Limit of open handshakes. */
  readonly maxHandshakes: number;
  /** An address is logged no more often than this. */
  readonly logIntervalMs: number;
}

export const DEFAULT_DOOR_LIMITS: DoorLimits = {
  handshakeTimeoutMs: 5_000,
  maxHandshakes: 64,
  logIntervalMs: 60_000,
};

/** Limit of addresses whose last log line is stored. */
const MAX_REMEMBERED = 256;
/** Limit of log lines in one interval, for any number of addresses: an IPv6 network has more than can be stored. */
const MAX_LINES = 32;
/** Detects within minutes that a host has lost its power. */
const KEEP_ALIVE_MS = 30_000;

/** The address and port cannot be listened on. */
export class AddressUnusable extends Error {
  override readonly name = 'AddressUnusable';
}

export interface DoorOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** The engine's own proof of its identity, and the proofs that it accepts of a peer. */
  readonly identity: Admission;
  readonly log: Log;
  /** The roles of a peer; without it each has the role `host`. */
  readonly rolesOf?: (peer: ProvenPeer) => readonly Role[];
  readonly limits?: DoorLimits;
}

/** @param refusal why the peer is no longer admitted; undefined if it still is */
export type OnPeer = (socket: TLSSocket, caller: Caller, refusal: ProvenPeer['refusal']) => void;

export class TlsDoor {
  readonly #front: Server;
  readonly #tls: TlsServer;
  readonly #limits: DoorLimits;
  readonly #log: Log;
  /** Sockets with an open handshake by their address and port, the oldest first. */
  readonly #handshaking = new Map<string, Socket>();
  /** Addresses of sockets that have closed in this cycle of the event loop, before TLS has reported the reason. */
  readonly #gone = new Set<string>();
  /** When an address was last logged, and its failures since. */
  readonly #logged = new Map<string, { readonly at: number; unsaid: number }>();

  /** Keys that were logged as replaced: names of proven hosts, so there are no more than keys. */
  readonly #replaced = new Set<string>();

  /** Start of the current interval, and the number of lines in it. */
  #counted = { since: Number.NEGATIVE_INFINITY, lines: 0 };

  /** Throws `AddressUnusable`. */
  static async open(options: DoorOptions, onPeer: OnPeer): Promise<TlsDoor> {
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
    // A connection that could not be accepted (EMFILE) affects the peer, and never ends the engine.
    door.#front.on('error', () => {});
    return door;
  }

  private constructor(
    { identity, log, rolesOf = () => ['host'], limits = DEFAULT_DOOR_LIMITS }: DoorOptions,
    onPeer: OnPeer,
  ) {
    this.#limits = limits;
    this.#log = log;
    const side = serverSide(identity);
    this.#tls = createServer({ ...side.options, handshakeTimeout: limits.handshakeTimeoutMs });
    this.#tls.on('secureConnection', (socket) => {
      this.#handshaking.delete(nameOf(socket));
      const peer = side.provenPeer(socket);
      const address = socket.remoteAddress ?? '';
      if (peer === undefined) {
        this.#logFault(address, 'its certificate names no host, or several');
        socket.destroy();
        return;
      }
      this.#logReplaced(peer);
      const { host } = peer;
      onPeer(
        socket,
        { identity: host ?? 'shared key', host: host ?? null, roles: rolesOf(peer), address },
        peer.refusal,
      );
    });
    this.#tls.on('tlsClientError', (error, socket) => {
      const fault = faultOfClient(error, socket.authorizationError);
      if (fault !== undefined) this.#logFault(this.#addressOf(socket), withClaim(fault, side, socket));
      this.#handshaking.delete(nameOf(socket));
      socket.destroy();
    });
    // Counted before TLS starts: a TLS server does not report open handshakes.
    this.#front = createFrontServer((socket) => this.#receive(socket));
  }

  get port(): number {
    const address = this.#front.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  /** Accepts no more peers and waits for the connected ones, which their server disconnects. */
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
    // nodejs.org/api/tls.html, event 'connection': any owner of a socket may emit it.
    this.#tls.emit('connection', socket);
  }

  #makeRoom(): void {
    const waiting = Map.groupBy(this.#handshaking.values(), ({ remoteAddress = '' }) => remoteAddress);
    const [most] = [...waiting.values()].sort((a, b) => b.length - a.length);
    most?.[0]?.destroy();
    for (const [name, socket] of this.#handshaking) if (socket.destroyed) this.#handshaking.delete(name);
  }

  /** Node closes the socket before it reports an invalid certificate. */
  #addressOf({ remoteAddress }: Socket): string {
    if (remoteAddress !== undefined) return remoteAddress;
    const [one = 'unknown', another] = this.#gone;
    return another === undefined ? one : 'unknown';
  }

  /** Once for each key: before its generation is retired, the operator can see which hosts still use it. */
  #logReplaced({ host, replacedGeneration: generation }: ProvenPeer): void {
    if (host === undefined || generation === undefined) return;
    // A host may write its name in several spellings.
    const key = `${comparableHost(host)}/${generation}`;
    if (this.#replaced.has(key)) return;
    this.#replaced.add(key);
    this.#log('warning', 'host uses an old key although a newer one was issued to it; put that on the host', {
      host,
      generation,
    });
  }

  #logFault(address: string, fault: string): void {
    const now = performance.now();
    const last = this.#logged.get(address);
    if (last && now - last.at < this.#limits.logIntervalMs) {
      last.unsaid += 1;
      return;
    }
    if (now - this.#counted.since >= this.#limits.logIntervalMs) this.#counted = { since: now, lines: 0 };
    this.#counted.lines += 1;
    if (this.#counted.lines > MAX_LINES) return;
    // A dropped entry costs one additional line, and it is the oldest.
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

/** The peer's claim is not proven. */
function withClaim(fault: string, side: ServerSide, socket: TLSSocket): string {
  const claim = side.claim(socket);
  return claim === undefined ? fault : `${fault} (${claim})`;
}

function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
