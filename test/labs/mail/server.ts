/** Debian's aiosmtpd on a free port of the loopback, which keeps what it takes in a maildir. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '../waiting.ts';

const pem = (name: string): string => fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url));
export const CA_FILE = pem('good.pem');

/** How TLS is to be had: not at all, with STARTTLS before anything else, from the start. */
export type ServerTls = 'none' | 'starttls' | 'tls';

export class MailServer implements AsyncDisposable {
  readonly port: number;
  readonly #directory = mkdtempSync(join(tmpdir(), 'recovery-agent-mail-lab-'));
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #words = '';

  static async start(tls: ServerTls): Promise<MailServer> {
    const server = new MailServer(tls, await freePort());
    try {
      await waitUntil({ what: 'the mail server to listen', seconds: 60 }, () => server.#listens());
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  private constructor(tls: ServerTls, port: number) {
    this.port = port;
    const [key, certificate] = [pem('good.key'), CA_FILE];
    const files = {
      none: [],
      starttls: ['--tlscert', certificate, '--tlskey', key],
      tls: ['--smtpscert', certificate, '--smtpskey', key],
    }[tls];
    const handler = ['--class', 'aiosmtpd.handlers.Mailbox', join(this.#directory, 'maildir')];
    const words = ['-m', 'aiosmtpd', '--nosetuid', '--listen', `127.0.0.1:${port}`, ...files, ...handler];
    // Debian's own Python, for any PATH: the package is for that one.
    this.#child = spawn('/usr/bin/python3', words, { cwd: this.#directory, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#words = (this.#words + text).slice(-4000);
      });
    }
    this.#ended = new Promise((resolve) => this.#child.once('close', () => resolve()).once('error', () => resolve()));
  }

  /** The mails, as they came, in no order. */
  mails(): string[] {
    const directory = join(this.#directory, 'maildir', 'new');
    return readdirSync(directory).map((name) =>
      readFileSync(join(directory, name), 'utf8').replaceAll(/\r?\n/g, '\r\n'),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.#ended;
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #listens(): Promise<true | undefined> {
    if (this.#child.exitCode !== null) throw new Error(`the mail server ended:\n${this.#words}`);
    return new Promise((resolve) => {
      const socket = connect(this.port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(undefined));
      socket.once('connect', () => socket.destroy());
    });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}
