/**
 * Delivers to the API of a Masakari, as its own monitors do: 202 is an acknowledgement, 409 ends a report (it is known
 * already, or its host is in maintenance), 400 refuses it. Unlike them it does not give up after two minutes of anything else.
 */
import * as v from 'valibot';
import type { NotificationBody } from '#protocol/notification.ts';
import type { HttpClient } from './http.ts';
import { type KeystoneSession, parseJson, type Session } from './keystone-session.ts';
import type { Sent, Target } from './target.ts';

/** Of the server's own words, for the log. */
const MAX_WORDS = 300;

const acceptedSchema = v.object({ notification: v.object({ notification_uuid: v.string(), status: v.string() }) });
/** `{"badRequest": {"code": 400, "message": "…"}}` */
const faultSchema = v.record(v.string(), v.object({ message: v.string() }));

export class MasakariTarget implements Target {
  readonly description: string;
  readonly #session: KeystoneSession;
  readonly #http: HttpClient;

  constructor(description: string, session: KeystoneSession, http: HttpClient) {
    this.description = description;
    this.#session = session;
    this.#http = http;
  }

  async reach(): Promise<string | undefined> {
    try {
      await this.#session.get();
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  async send(body: NotificationBody): Promise<Sent> {
    try {
      const session = await this.#session.get();
      const first = await this.#post(session, body);
      if (first.status !== 401) return judge(first);
      this.#session.discard(session);
      return judge(await this.#post(await this.#session.get(), body));
    } catch (error) {
      return { outcome: 'away', reason: `Masakari cannot be asked: ${messageOf(error)}` };
    }
  }

  /** Masakari does not tell about instances. */
  async askInstance(): Promise<undefined> {
    return undefined;
  }

  /** Masakari has no ear for it; the log has it. */
  async sayBlind(): Promise<void> {}

  close(): Promise<void> {
    return this.#http.close();
  }

  #post(
    { token, endpoint }: Session,
    body: NotificationBody,
  ): Promise<{ readonly status: number; readonly text: string }> {
    return this.#http.ask({
      method: 'POST',
      url: new URL(`${endpoint}/notifications`),
      headers: { 'x-auth-token': token },
      body: JSON.stringify(body),
    });
  }
}

function judge({ status, text }: { readonly status: number; readonly text: string }): Sent {
  const reason = `Masakari says ${status}: ${wordsOf(text)}`;
  switch (status) {
    case 202: {
      const told = v.safeParse(acceptedSchema, parseJson(text));
      // Something that is no Masakari could say 202 to anything.
      if (!told.success) return { outcome: 'away', reason: 'what answers does not speak as Masakari does' };
      const { notification_uuid, status: state } = told.output.notification;
      return { outcome: 'accepted', answer: `${notification_uuid} ${state}` };
    }
    case 409:
      return { outcome: 'declined', reason };
    case 400:
      return { outcome: 'refused', reason };
    // Perhaps of this report alone.
    case 500:
      return { outcome: 'failed', reason };
    // Rights, an address, or the server itself: an operator or time mends it, for all reports alike.
    default:
      return { outcome: 'away', reason };
  }
}

function wordsOf(text: string): string {
  const fault = v.safeParse(faultSchema, parseJson(text));
  const words = fault.success ? Object.values(fault.output)[0]?.message : undefined;
  return (words ?? 'no reason given').slice(0, MAX_WORDS);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
