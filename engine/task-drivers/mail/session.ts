/**
 * One connection to a mail server, and the outcome of each mail.
 *
 * Invariants: a mail that is `unsent`, `deferred` or `refused` was not accepted by the server, or the server itself reported so; only
 * `lost` leaves it open. The text of a mail is sent only while the guard finds the lease fresh.
 */

import { Readable } from 'node:stream';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { ActGuard } from '#openstack/act-guard.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { Redaction } from '#protocol/redaction.ts';
import { authorities } from '../authorities.ts';
import { oneLine } from './address.ts';

export interface ServerSettings {
  readonly host: string;
  readonly port: number;
  /** `starttls`: if the server offers it; its certificate is checked only if there is a file of authorities. */
  readonly tls: 'none' | 'starttls' | 'required' | 'tls';
  /** Empty: those of the system. */
  readonly caFile: string;
  /** Empty: no login. */
  readonly user: string;
  readonly password: string;
}

export type Sent =
  /** The server has it. `answer`: its own text. */
  | { readonly kind: 'taken'; readonly answer: string }
  /** A temporary refusal of the server (4xx). */
  | { readonly kind: 'deferred'; readonly why: string }
  /** A permanent refusal of the server (5xx). */
  | { readonly kind: 'refused'; readonly why: string }
  /** Nothing of the text was sent. */
  | { readonly kind: 'unsent'; readonly why: string }
  /** The text was sent, at least partly, and no response arrived. */
  | { readonly kind: 'lost'; readonly why: string };

/** The server cannot be used. `temporary`: it states itself that a retry may succeed (4xx). */
export class ServerFault extends Error {
  override readonly name = 'ServerFault';
  readonly lasts: 'temporary' | 'permanent';

  constructor(message: string, lasts: ServerFault['lasts'], cause: unknown) {
    super(message, { cause });
    this.lasts = lasts;
  }
}

const CONNECT_MS = 15_000;
/** Some servers delay unknown clients. */
const GREETING_MS = 120_000;
/** RFC 5321, 4.5.3.2.6: a client that disconnects earlier after the text causes mails to arrive twice. */
const SILENCE_MS = 600_000;
const MAX_RESPONSE_BYTES = 65_536;
/** Characters of a server's response that are kept. */
const MAX_ANSWER = 200;

interface SmtpError extends Error {
  readonly responseCode?: number;
  readonly code?: string;
}

export class Session {
  readonly #connection: SMTPConnection;
  readonly #signal: AbortSignal;
  readonly #redaction: Redaction;
  /** Ends all waits for the server. */
  #fail: (error: Error) => void = () => {};

  /** Connects and logs in. Throws `ServerFault`, or the signal's reason. */
  static async open(settings: ServerSettings, signal: AbortSignal): Promise<Session> {
    const session = new Session(settings, authoritiesIn(settings), signal);
    try {
      await session.#until((done) => session.#connection.connect(done));
      const { user, password: pass } = settings;
      if (user !== '') {
        assertLoginMethod(session.#connection.lastServerResponse);
        await session.#until((done) => session.#connection.login({ credentials: { user, pass } }, done));
      }
      return session;
    } catch (error) {
      session.close();
      if (signal.aborted) throw signal.reason;
      const { responseCode = 0, code = '' } = isSmtpError(error) ? error : {};
      // A server without TLS returns 454 (RFC 3207, 4) like one that will have it soon: waiting seldom helps.
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
    // Unchanged, and as AUTH LOGIN and AUTH PLAIN send it.
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

  /** Does not throw: an error is part of the outcome. After any outcome but `taken` the session is closed. */
  async send(from: string, to: string, message: Buffer, guard: ActGuard): Promise<Sent> {
    let hasLeft = false;
    const admitted = async (): Promise<void> => {
      if (!guard.isFresh()) await guard.confirm();
      if (!guard.isFresh()) throw new Error('the right to act could not be confirmed in time');
      hasLeft = true;
      source.push(message);
      source.push(null);
    };
    // The connection reads it when the server has accepted the envelope and requested the text.
    const source = new Readable({
      read: () => {
        admitted().catch((error: unknown) => source.destroy(new Error(errorMessage(error))));
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

  /** Sends QUIT if there is a connection, and waits for nothing. */
  close(): void {
    this.#fail = () => {};
    this.#connection.close();
  }

  #outcomeOf(error: unknown, hasLeft: boolean): Sent {
    const why = this.#words(error);
    const { responseCode = 0, code = '' } = isSmtpError(error) ? error : {};
    if (responseCode >= 400 && responseCode < 500) return { kind: 'deferred', why };
    // The library's own: no such address, or larger than the server accepts.
    const isRefusedHere = !hasLeft && (code === 'EENVELOPE' || code === 'EMESSAGE');
    if (responseCode >= 500 || isRefusedHere) return { kind: 'refused', why };
    return { kind: hasLeft ? 'lost' : 'unsent', why };
  }

  /** Until `begin` calls back; also rejects if the connection breaks or the signal is aborted. */
  async #until(begin: (done: (error?: Error | null) => void) => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stop = (): void => reject(new Error('it was interrupted'));
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
    return oneLine(this.#redaction.redact(errorMessage(error)), MAX_ANSWER);
  }
}

/** Those of the library that need only a name and a password. */
const LOGIN_METHODS = ['PLAIN', 'LOGIN', 'CRAM-MD5'];

/** A server that names no method at all may still accept one. @param greeting the response to EHLO */
function assertLoginMethod(greeting: string | false): void {
  const lines = String(greeting).matchAll(/^250[ -]AUTH[ =](.*)$/gim);
  const offered = [...lines].flatMap(([, methods = '']) => methods.trim().toUpperCase().split(/\s+/));
  if (offered.length === 0 || offered.some((method) => LOGIN_METHODS.includes(method))) return;
  throw new Error(`it offers the login methods ${offered.join(', ')}, and none of ${LOGIN_METHODS.join(', ')}`);
}

function authoritiesIn({ caFile }: ServerSettings): string[] {
  try {
    return authorities(caFile);
  } catch (error) {
    throw new ServerFault(`smtp_ca_file cannot be used: ${errorMessage(error)}`, 'permanent', error);
  }
}

function isSmtpError(error: unknown): error is SmtpError {
  return error instanceof Error;
}
