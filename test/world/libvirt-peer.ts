/** A peer that speaks libvirt's protocol on a real socket and responds as a test configures it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeMessage, type Message, MessageReader } from '#monitors/libvirt/message.ts';

export type Answer = (message: Message, socket: Socket) => void;

export class LibvirtPeer implements AsyncDisposable {
  readonly path: string;
  readonly #folder: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async listen(answer: Answer): Promise<LibvirtPeer> {
    const peer = new LibvirtPeer(answer);
    await new Promise<void>((resolve, reject) => {
      peer.#server.once('error', reject).listen({ path: peer.path }, resolve);
    });
    return peer;
  }

  private constructor(answer: Answer) {
    this.#folder = mkdtempSync(join(tmpdir(), 'libvirt-peer-'));
    this.path = join(this.#folder, 'libvirt-sock');
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#sockets.delete(socket));
      const reader = new MessageReader();
      socket.on('data', (chunk: Buffer) => {
        for (const message of reader.take(chunk)) answer(message, socket);
      });
    });
  }

  /** How many are connected now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** As when libvirtd is restarted: it keeps listening. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Sends any bytes to all clients. */
  sendAll(bytes: Buffer): void {
    for (const socket of this.#sockets) socket.write(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dropConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export function reply(socket: Socket, { program, procedure, serial }: Message, body: Buffer, status: 0 | 1 = 0): void {
  const whole = encodeMessage({ program, version: 1, procedure, type: 1, serial, status }, body);
  // In two parts: a reader must not take a chunk for a message.
  socket.write(whole.subarray(0, 9));
  socket.write(whole.subarray(9));
}
