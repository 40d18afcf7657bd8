/** A libvirtd for tests: speaks libvirt's protocol on a real socket and plays the domains that a test describes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { int, optionalText, textOf } from './xdr.ts';

export interface PlayedDomain {
  readonly name: string;
  readonly uuid: string;
  id: number;
  xml: string;
  /** virDomainState. */
  state: number;
  /** virDomainControlState and for how long, milliseconds. */
  control: readonly [state: number, forMs: number];
  /** What happens to a ping: an answer, an error of this number, or nothing at all. */
  agent: 'answers' | 'nothing' | { readonly code: number; readonly message: string };
  /** Whether QEMU answers a probe. */
  qemu: 'answers' | 'nothing';
}

interface Reply {
  readonly status: 0 | 1;
  readonly body: Buffer;
}

const DONE: Reply = { status: 0, body: Buffer.alloc(0) };
const IGNORED = undefined;

function ok(...words: readonly Buffer[]): Reply {
  return { status: 0, body: Buffer.concat(words) };
}

function refusal(code: number, message: string): Reply {
  return { status: 1, body: Buffer.concat([int(code), int(10), optionalText(message)]) };
}

function hyper(value: number): Buffer {
  return Buffer.concat([int(0), int(value)]);
}

export class ScriptedLibvirtd {
  readonly domains: PlayedDomain[] = [];
  /** Types of authentication that are offered; 0 is none, 2 is polkit. */
  authentication: readonly number[] = [0];
  /** Calls answered so far, as `program/procedure`. */
  readonly calls: string[] = [];
  readonly path: string;
  readonly #folder: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async start(): Promise<ScriptedLibvirtd> {
    const libvirtd = new ScriptedLibvirtd();
    await new Promise<void>((resolve, reject) => {
      libvirtd.#server.once('error', reject).listen({ path: libvirtd.path }, resolve);
    });
    return libvirtd;
  }

  private constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'guest-monitor-'));
    this.path = join(this.#folder, 'libvirt-sock');
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** As when libvirtd is restarted: it goes on listening. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Sends bytes to everybody, whatever they mean. */
  sendAll(bytes: Buffer): void {
    for (const socket of this.#sockets) socket.write(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dropConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
    let bytes = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 4 && bytes.length >= bytes.readUInt32BE(0)) {
        const length = bytes.readUInt32BE(0);
        this.#take(socket, bytes.subarray(0, length));
        bytes = bytes.subarray(length);
      }
    });
  }

  #take(socket: Socket, message: Buffer): void {
    const program = message.readUInt32BE(4);
    const procedure = message.readUInt32BE(12);
    this.calls.push(`${program.toString(16)}/${procedure}`);
    const reply = this.#answer(program, procedure, message.subarray(28));
    if (reply === IGNORED) return;
    const words = [28 + reply.body.length, program, 1, procedure, 1, message.readUInt32BE(20), reply.status];
    const whole = Buffer.concat([...words.map(int), reply.body]);
    // In two parts: a reader must not take a chunk for a message.
    socket.write(whole.subarray(0, 9));
    socket.write(whole.subarray(9));
  }

  #answer(program: number, procedure: number, body: Buffer): Reply | undefined {
    if (procedure === 66) return ok(int(this.authentication.length), ...this.authentication.map(int));
    if (procedure === 1) return DONE;
    if (procedure === 273) return ok(int(this.domains.length), ...this.domains.map(words), int(this.domains.length));
    const domain = this.domains.find((one) => body.includes(words(one)));
    if (domain === undefined) return refusal(42, 'Domain not found');
    if (program === 0x20008087) return pinged(domain);
    if (procedure === 14) return ok(textOf(domain.xml));
    if (procedure === 212) return ok(int(domain.state), int(0));
    if (procedure === 229) return ok(int(domain.control[0]), int(0), hyper(domain.control[1]));
    if (procedure === 344) return domain.qemu === 'answers' ? ok(int(0)) : IGNORED;
    return refusal(3, 'this function is not supported');
  }
}

function words({ name, uuid, id }: PlayedDomain): Buffer {
  return Buffer.concat([textOf(name), Buffer.from(uuid.replaceAll('-', ''), 'hex'), int(id)]);
}

function pinged({ agent }: PlayedDomain): Reply | undefined {
  if (agent === 'nothing') return IGNORED;
  return agent === 'answers' ? ok(optionalText('{"return":{}}')) : refusal(agent.code, agent.message);
}
