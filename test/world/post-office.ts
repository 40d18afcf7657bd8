/**
 * A real SMTP server on a free port of the loopback: keeps accepted mails, and treats a recipient as a test configures it.
 */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from 'smtp-server';

export interface ReceivedMail {
  readonly from: string;
  readonly to: string;
  /** Headers and body, as they came. */
  readonly raw: string;
  readonly isEncrypted: boolean;
  readonly user: string | undefined;
  /** Mails of one connection have the same. */
  readonly session: string;
}

/** What happens to a mail: a refusal of the recipient or of the text with this code, or a fault of the network. */
export type MailFault =
  | { readonly at: 'recipient' | 'text'; readonly code: number }
  /** The connection breaks when the envelope has come, or when the text has; `taken`: the mail is kept all the same. */
  | { readonly at: 'recipient' | 'text'; readonly breaks: 'lost' | 'taken' }
  /** The text has come and is kept, and no answer ever comes. */
  | { readonly at: 'text'; readonly silent: true };

const pem = (name: string): string => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));
export const CA_FILE = pem('good.pem');
export const OTHER_CA_FILE = pem('other.pem');

export class PostOffice implements AsyncDisposable {
  readonly received: ReceivedMail[] = [];
  /** Called with each mail as it is kept, before the server responds. */
  onMail: (mail: ReceivedMail) => void = () => {};
  readonly #fates = new Map<string, MailFault[]>();
  readonly #server: SMTPServer;

  /** @param options e.g. `secure`, `authOptional`, `disabledCommands`. STARTTLS is offered unless that is disabled */
  static async start(options: Partial<SMTPServerOptions> = {}): Promise<PostOffice> {
    const office = new PostOffice(options);
    await new Promise<void>((done, fail) => {
      office.#server.on('error', fail);
      office.#server.listen(0, '127.0.0.1', done);
    });
    // From here on errors are those of clients that went away.
    office.#server.removeAllListeners('error');
    office.#server.on('error', () => {});
    return office;
  }

  private constructor(options: Partial<SMTPServerOptions>) {
    this.#server = new SMTPServer({
      key: readFileSync(pem('good.key')),
      cert: readFileSync(CA_FILE),
      authOptional: true,
      disableReverseLookup: true,
      closeTimeout: 1,
      onAuth: ({ username, password }, _, done) =>
        ['agent', 'recovery-agent'].includes(username ?? '') && password === PASSWORD
          ? done(null, { user: username })
          : done(refusal(535, 'no such login')),
      onRcptTo: ({ address }, session, done) => {
        const fault = this.#fates.get(address)?.[0];
        if (fault?.at !== 'recipient') return done();
        this.#spend(address);
        if ('code' in fault) return done(refusal(fault.code, `not ${address}`));
        this.#break(session);
      },
      onData: (stream, session, done) => {
        // A client that disconnects during its text has sent no mail.
        text(stream).then((raw) => this.#take(raw, session, done), done);
      },
      ...options,
    });
  }

  get port(): number {
    return (this.#server.server.address() as AddressInfo).port;
  }

  /** The lines of a definition that lead here. */
  get lines(): readonly string[] {
    return ['smtp_host = 127.0.0.1', `smtp_port = ${this.port}`];
  }

  /** The fates befall the mails to an address one after the other; then all is well. */
  on(address: string, ...fates: MailFault[]): void {
    this.#fates.set(address, fates);
  }

  to(address: string): ReceivedMail[] {
    return this.received.filter(({ to }) => to === address);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { _socket: socket } of this.#server.connections) socket.destroy();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }

  #spend(address: string): MailFault | undefined {
    return this.#fates.get(address)?.shift();
  }

  #take(raw: string, session: SMTPServerSession, done: (error?: Error | null, message?: string) => void): void {
    const { mailFrom, rcptTo } = session.envelope;
    const to = rcptTo[0]?.address ?? '';
    const fault = this.#spend(to);
    const isKept = !fault || 'silent' in fault || ('breaks' in fault && fault.breaks === 'taken');
    if (isKept) {
      const from = mailFrom === false ? '' : mailFrom.address;
      const { secure: isEncrypted, user, id } = session;
      const mail = { from, to, raw, isEncrypted, user: user as string | undefined, session: id };
      this.received.push(mail);
      this.onMail(mail);
    }
    if (!fault) done(null, `queued as number ${this.received.length}`);
    else if ('code' in fault) done(refusal(fault.code, 'not this text'));
    else if ('breaks' in fault) this.#break(session);
  }

  #break({ id }: SMTPServerSession): void {
    for (const connection of this.#server.connections) if (connection.id === id) connection._socket.destroy();
  }
}

export const PASSWORD = 'pässword of the agent';

function refusal(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}

/** One header of a mail, unfolded and decoded; undefined where there is none, all of them where there are more. */
export function headers(raw: string, name: string): string[] {
  const head = raw.slice(0, raw.indexOf('\r\n\r\n')).replaceAll(/\r\n[ \t]/g, ' ');
  return head
    .split('\r\n')
    .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}: `))
    .map((line) => decodedWords(line.slice(name.length + 2)));
}

/** RFC 2047. */
function decodedWords(line: string): string {
  return line
    .replaceAll(/\?=\s+=\?/g, '?==?')
    .replaceAll(/=\?UTF-8\?([QB])\?([^?]*)\?=/gi, (_, kind: string, word: string) =>
      kind.toUpperCase() === 'B' ? Buffer.from(word, 'base64').toString() : decodedBytes(word.replaceAll('_', ' ')),
    );
}

function decodedBytes(word: string): string {
  const bytes = word.replaceAll(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

/** The text of a mail, decoded. */
export function bodyOf(raw: string): string {
  const body = raw.slice(raw.indexOf('\r\n\r\n') + 4);
  const [encoding = ''] = headers(raw, 'Content-Transfer-Encoding');
  const text =
    encoding === 'base64'
      ? Buffer.from(body, 'base64').toString()
      : encoding === 'quoted-printable'
        ? decodedBytes(body.replaceAll('=\r\n', ''))
        : body;
  return text.replaceAll('\r\n', '\n');
}
