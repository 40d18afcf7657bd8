/**
 * Delivers to the API of a Masakari, as its own monitors do: 202 is an acknowledgement, 409 ends a report (it is known
 * already, or its host is in maintenance), 400 refuses it. Unlike them it retries anything else for longer than two minutes.
 */

import * as v from 'valibot';
import type { Answer } from '#openstack/http/exchange.ts';
import { json } from '#openstack/http/own-answer.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import type { Sent, Target } from '../target.ts';
import type { MasakariApi } from './api.ts';

/** Limit of the server's message, for the log. */
const MAX_WORDS = 300;

const acceptedSchema = v.object({ notification: v.object({ notification_uuid: v.string(), status: v.string() }) });
/** `{"badRequest": {"code": 400, "message": "…"}}` */
const faultSchema = v.record(v.string(), v.object({ message: v.string() }));

export class MasakariTarget implements Target {
  readonly description: string;
  readonly #api: MasakariApi;

  constructor(description: string, api: MasakariApi) {
    this.description = description;
    this.#api = api;
  }

  async reach(): Promise<string | undefined> {
    try {
      await this.#api.session();
      return undefined;
    } catch (error) {
      return errorMessage(error);
    }
  }

  async send(body: NotificationBody): Promise<Sent> {
    try {
      const session = await this.#api.session();
      const first = await this.#api.post(session, body);
      if (first.status !== 401) return decide(first);
      this.#api.discard(session);
      return decide(await this.#api.post(await this.#api.session(), body));
    } catch (error) {
      return { outcome: 'away', reason: errorMessage(error) };
    }
  }

  /** Masakari has no request for the facts of an instance. */
  async queryInstance(): Promise<undefined> {
    return undefined;
  }

  /** Masakari has no request for it; the log has it. */
  async reportBlind(): Promise<void> {}

  close(): Promise<void> {
    return this.#api.close();
  }
}

function decide({ status, body: text }: Pick<Answer, 'status' | 'body'>): Sent {
  const reason = `Masakari returned ${status}: ${wordsOf(text)}`;
  switch (status) {
    case 202: {
      const received = v.safeParse(acceptedSchema, json(text));
      // A server that is no Masakari could respond with 202 to anything.
      if (!received.success) return { outcome: 'away', reason: 'the service does not respond like Masakari' };
      const { notification_uuid, status: state } = received.output.notification;
      return { outcome: 'accepted', answer: `${notification_uuid} ${state}` };
    }
    case 409:
      return { outcome: 'declined', reason };
    case 400:
      return { outcome: 'refused', reason };
    // Possibly for this report only.
    case 500:
      return { outcome: 'failed', reason };
    // Rights, an address, or the server itself: an operator or time resolves it, for all reports alike.
    default:
      return { outcome: 'away', reason };
  }
}

function wordsOf(text: string): string {
  const fault = v.safeParse(faultSchema, json(text));
  const words = fault.success ? Object.values(fault.output)[0]?.message : undefined;
  return (words ?? 'no reason given').slice(0, MAX_WORDS);
}
