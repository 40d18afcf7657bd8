/**
 * One connection to a mail server, and what became of each mail that was given to it.
 *
 * Invariants: of a mail that is `unsent`, `deferred` or `refused` nothing was taken by the server, or it said so itself;
 * only `lost` leaves open whether it was. The text of a mail leaves only while the guard finds the reign fresh.
 */
import { Readable } from 'node:stream';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { ActGuard } from '../../../cloud/cloud.ts';
import { Redaction } from '../../../redaction.ts';
import { authorities } from '../authorities.ts';
import { oneLine } from './address.ts';

export interface ServerSettings {
  readonly host: string;
  readonly port: number;
  /** `starttls`: where the server offers it, its certificate being looked at only if there is a file of authorities. */
  readonly tls: 'none' | 'starttls' | 'required' | 'tls';
  /** Empty: those of the system. */
  readonly caFile: string;
  /** Empty: no login. */
  readonly user: string;
  readonly password: string;
}

export type Sent =
  /** The server has it. `answer`: its own words. */
  | { readonly kind: 'taken'; readonly answer: string }
  /** Not now, says the server (4xx). */
  | { readonly kind: 'deferred'; readonly why: string }
  /** Never, says the server (5xx). */
  | { readonly kind: 'refused'; readonly why: string }
  /** Nothing of the text left. */
  | { readonly kind: 'unsent'; readonly why: string }
  /** The text left, or part of it, and no answer came. */
  | { readonly kind: 'lost'; readonly why: string };

/** The server cannot be used. `temporary`: it says itself that it may be tried again (4xx). */
export class ServerFault extends Error {
  override readonly name = 'ServerFault';
  readonly lasts: 'temporary' | 'permanent';

  constructor(message: string, lasts: ServerFault['lasts'], cause: unknown) {
    super(message, { cause });
    this.lasts = lasts;
  }
}

const CONNECT_MS = 15_000;
/** Servers that are wary of strangers let them wait. */
const GREETING_MS = 120_000;
/** RFC 5321, 4.5.3.2.6: who hangs up earlier after the text makes mails arrive twice. */
const SILENCE_MS = 600_000;
const MAX_RESPONSE_BYTES = 65_536;
/** Characters of a server's answer that are kept. */
const MAX_ANSWER = 200;

interface SmtpError extends Error {
  readonly responseCode?: number;
  readonly code?: string;
}

export class Session {
  readonly #connection: SMTPConnection;
  readonly #signal: AbortSignal;
  readonly #redaction: Redaction;
  /** Ends what waits for the server. */
  #fail: (error: Error) => void = () => {};

  /** Connects and logs in. Throws `ServerFault`, or what the signal says. */
  static async open(settings: ServerSettings, signal: AbortSignal): Promise<Session> {
    const session = new Session(settings, authoritiesIn(settings), signal);
    try {
      await session.#until((done) => session.#connection.connect(done));
      const { user, password: pass } = settings;
      if (user !== '') await session.#until((done) => session.#connection.login({ credentials: { user, pass } }, done));
      return session;
    } catch (error) {
      session.close();
      if (signal.aborted) throw signal.reason;
      const { responseCode = 0, code = '' } = isSmtpError(error) ? error : {};
      // A server that has no TLS at all says 454 (RFC 3207, 4) as one that will have it soon: waiting seldom helps.
      const lasts = responseCode >= 400 && responseCode < 500 && code !== 'ETLS' ? 'temporary' : 'permanent';
      const where = `the mail server ${settings.host}:${settings.port}`;
      throw new ServerFault(
        `${where} cannot be used: ${session.#words(error)}`,
        lasts,
        session.#redaction.cause(error),
      );
    }
  }

  private constructor(settings: ServerSettings, ca: string[], signal: AbortSignal) {
    const { host, port, tls, caFile, user, password } = settings;
    // As it is, and as AUTH LOGIN and AUTH PLAIN send it.
    const sent =
      password === '' ? [] : [password, `\0${user}\0${password}`].map((text) => Buffer.from(text).toString('base64'));
    this.#redaction = new Redaction([password, ...sent]);
    this.#signal = signal;
    this.#connection = new SMTPConnection({
      host,
      port,
      secure: tls === 'tls',
      ignoreTLS: tls === 'none',
      requireTLS: tls === 'required',
      tls: { ca, minVersion: 'TLSv1.2', rejectUnauthorized: tls !== 'starttls' || caFile !== '' },
      connectionTimeout: CONNECT_MS,
      dnsTimeout: CONNECT_MS,
      greetingTimeout: GREETING_MS,
      socketTimeout: SILENCE_MS,
      socketCloseTimeout: 0,
      maxResponseSize: MAX_RESPONSE_BYTES,
    });
    this.#connection.on('error', (error: Error) => this.#fail(error));
    this.#connection.on('end', () => this.#fail(new Error('the connection closed')));
  }

  /** Does not throw: what went wrong is part of the outcome. After anything but `taken` the session is closed. */
  async send(from: string, to: string, message: Buffer, guard: ActGuard): Promise<Sent> {
    let hasLeft = false;
    const admitted = async (): Promise<void> => {
      if (!guard.isFresh()) await guard.confirm();
      if (!guard.isFresh()) throw new Error('the right to act could not be confirmed in time');
      hasLeft = true;
      source.push(message);
      source.push(null);
    };
    // The connection reads it when the server has taken the envelope and asked for the text.
    const source = new Readable({
      read: () => {
        admitted().catch((error: unknown) => source.destroy(new Error(messageOf(error))));
      },
    });
    try {
      let answer = '';
      await this.#until((done) =>
        this.#connection.send({ from, to: [to], size: message.length }, source, (error, taken) => {
          answer = taken?.response ?? '';
          done(error);
        }),
      );
      return { kind: 'taken', answer: oneLine(this.#redaction.redact(answer), MAX_ANSWER) };
    } catch (error) {
      this.close();
      source.destroy();
      return this.#outcomeOf(error, hasLeft);
    }
  }

  /** Takes leave of the server where there is one, and waits for nothing. */
  close(): void {
    this.#fail = () => {};
    this.#connection.close();
  }

  #outcomeOf(error: unknown, hasLeft: boolean): Sent {
    const why = this.#words(error);
    const { responseCode = 0, code = '' } = isSmtpError(error) ? error : {};
    if (responseCode >= 400 && responseCode < 500) return { kind: 'deferred', why };
    // The library's own: no such address, or larger than the server takes.
    const isRefusedHere = !hasLeft && (code === 'EENVELOPE' || code === 'EMESSAGE');
    if (responseCode >= 500 || isRefusedHere) return { kind: 'refused', why };
    return { kind: hasLeft ? 'lost' : 'unsent', why };
  }

  /** Until `begin` calls back; rejects as well when the connection breaks or the signal is aborted. */
  async #until(begin: (done: (error?: Error | null) => void) => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stop = (): void => reject(new Error('it was cut off'));
    this.#fail = reject;
    this.#signal.addEventListener('abort', stop, { once: true });
    try {
      this.#signal.throwIfAborted();
      begin((error) => (error ? reject(error) : resolve()));
      await promise;
    } finally {
      this.#fail = () => {};
      this.#signal.removeEventListener('abort', stop);
    }
  }

  #words(error: unknown): string {
    return oneLine(this.#redaction.redact(messageOf(error)), MAX_ANSWER);
  }
}

function authoritiesIn({ caFile }: ServerSettings): string[] {
  try {
    return authorities(caFile);
  } catch (error) {
    throw new ServerFault(`smtp_ca_file cannot be used: ${messageOf(error)}`, 'permanent', error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isSmtpError(error: unknown): error is SmtpError {
  return error instanceof Error;
}
