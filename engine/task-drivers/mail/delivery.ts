/**
 * Sends the mails of a task to the server, one after the other, each a step of its own.
 *
 * Invariants:
 * - the intent is on the disk before a mail is sent, and the server's response is there before the next one is sent;
 * - a mail that a server accepted is not sent again in this recovery, in any flow or round of it;
 * - the delivery of a mail that was sent without a response is unknown: `once` leaves it to the operator, `idempotent` sends it again
 *   with the same Message-ID. A fault of one mail does not block the others.
 */
import { crashPoint } from '../../crash-points.ts';
import type { Step, StepChange } from '../../flow/journaled-steps.ts';
import { InDoubt, Interrupted, TaskFailure } from '../../flow/outcome.ts';
import type { DriverCall } from '../driver.ts';
import { keyOf } from './address.ts';
import { type MailMessage, written } from './message.ts';
import { type Sent, ServerFault, type ServerSettings, Session } from './session.ts';

/** Waits between passes over the mails that the server has not accepted yet. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
/** Mails that a message names. */
const MAX_NAMED = 20;
/** A step of this kind can be settled by an operator command: `retry UUID --done TASK/ADDRESS`. */
const STEP_KIND = 'task';

interface Item {
  readonly mail: MailMessage;
  readonly step: Step;
  /** `open`: to be sent. `doubtful`: it was sent, and its delivery is unknown. */
  state: 'open' | 'sent' | 'failed' | 'doubtful';
  why: string;
}

export interface Delivered {
  readonly mailed: readonly string[];
  readonly unmailed: readonly string[];
}

/** Throws `TaskFailure` with the mails that were not sent, `InDoubt` if that is unknown. */
export async function deliver(
  call: DriverCall,
  mails: readonly MailMessage[],
  server: ServerSettings,
): Promise<Delivered> {
  const items = await itemsOf(call, mails);
  const post = new Post(call, items, server);
  await post.run();
  const named = (state: Item['state']): Item[] => items.filter((item) => item.state === state);
  const [failed, doubtful] = [named('failed'), named('doubtful')];
  const addresses = (some: readonly Item[]): string[] => some.map(({ mail: { to } }) => to);
  const delivered: Delivered = { mailed: addresses(named('sent')), unmailed: addresses([...failed, ...doubtful]) };
  const message = [
    listed('delivery of these mails is unknown, and they are not sent again', doubtful),
    listed('these mails were not accepted', failed),
  ].filter((part) => part !== '');
  if (doubtful.length > 0) throw new InDoubt(message.join('; '));
  if (failed.length > 0) throw new TaskFailure(message.join('; '), 'work', undefined, { ...delivered });
  return delivered;
}

function listed(what: string, items: readonly Item[]): string {
  if (items.length === 0) return '';
  const some = items.slice(0, MAX_NAMED).map(({ mail: { to }, why }) => `${to} (${why})`);
  const more = items.length > MAX_NAMED ? ` and ${items.length - MAX_NAMED} more` : '';
  return `${what}: ${some.join(', ')}${more}`;
}

/** The mails as in the journal; planned in one commit the first time. */
async function itemsOf({ name, definition, context }: DriverCall, mails: readonly MailMessage[]): Promise<Item[]> {
  const keyFor = ({ to }: MailMessage): string => `${STEP_KIND}:${name}/${keyOf(to)}`;
  const steps = await context.steps.plan(
    mails.map((mail) => ({
      key: keyFor(mail),
      kind: STEP_KIND,
      object: mail.to,
      before: { message_id: mail.messageId },
    })),
  );
  const byKey = new Map(steps.map((step) => [step.key, step]));
  const changes: StepChange[] = [];
  const items: Item[] = [];
  for (const mail of mails) {
    const step = byKey.get(keyFor(mail));
    if (!step) throw new Error('the journal planned no step');
    const earlier = await context.history.earlierSteps(step.key);
    const item: Item = { mail, step, state: 'open', why: '' };
    items.push(item);
    const last = [...earlier, step].findLast(({ state }) => state !== 'planned' && state !== 'skipped');
    if (last?.state === 'done') {
      item.state = 'sent';
      if (step.state === 'planned')
        changes.push({ step, state: 'skipped', error: 'it was sent before in this recovery' });
    } else if (definition.afterCrash === 'once' && last && isOpenEnded(last.state)) {
      item.state = 'doubtful';
      item.why = last.error ?? 'it was interrupted while it was sent';
      // The doubt of an earlier flow is copied to this flow, where the operator decides it.
      if (step.state === 'planned') await context.steps.intend([{ step }]);
      changes.push({ step, state: 'unknown', error: item.why });
    }
  }
  await context.steps.settle(changes);
  return items;
}

function isOpenEnded(state: Step['state']): boolean {
  return state === 'intent' || state === 'sent' || state === 'unknown';
}

/** Sends the open mails repeatedly until there are none. */
class Post {
  readonly #call: DriverCall;
  readonly #items: readonly Item[];
  readonly #server: ServerSettings;
  #session: Session | undefined;

  constructor(call: DriverCall, items: readonly Item[], server: ServerSettings) {
    this.#call = call;
    this.#items = items;
    this.#server = server;
  }

  /** Throws `TaskFailure` if the server cannot be used, or the signal's reason. */
  async run(): Promise<void> {
    const { clock, signal, progress } = this.#call.context;
    try {
      for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
        const why = await this.#pass();
        const open = this.#items.filter(({ state }) => state === 'open').length;
        if (open === 0) return;
        progress(`${open} mails wait for the server, retry in ${waitMs / 1000} s: ${why}`);
        await clock.sleep(waitMs, signal);
      }
    } finally {
      this.#session?.close();
    }
  }

  /** Tries every open mail once. Returns the reason of the last failure among those that are still open. */
  async #pass(): Promise<string> {
    const { signal } = this.#call.context;
    let why = '';
    for (const item of this.#items) {
      if (item.state !== 'open') continue;
      signal.throwIfAborted();
      try {
        this.#session ??= await Session.open(this.#server, signal);
      } catch (error) {
        if (!(error instanceof ServerFault)) throw error;
        if (error.lasts === 'temporary') return error.message;
        const sent = `${this.#count('sent')} of ${this.#items.length} mails were sent`;
        throw new TaskFailure(`${error.message}; ${sent}`, 'work', error);
      }
      await this.#send(item, this.#session);
      if (item.state === 'open') why = item.why;
    }
    return why;
  }

  async #send(item: Item, session: Session): Promise<void> {
    const { steps, guard, signal, clock } = this.#call.context;
    const { mail, step } = item;
    const message = await written(mail, clock.now());
    await steps.intend([{ step }]);
    const sent = await session.send(mail.from.address, mail.to, message, guard);
    crashPoint('step.after-call');
    if (sent.kind !== 'taken') this.#session = undefined;
    if (!signal.aborted) return this.#settle(item, sent);
    if (sent.kind !== 'lost') await this.#settle(item, sent).catch(() => {});
    // An engine that stops leaves the intent unchanged; a task that times out must report its result.
    else if (!(signal.reason instanceof Interrupted)) await this.#settle(item, sent);
    throw signal.reason;
  }

  async #settle(item: Item, sent: Sent): Promise<void> {
    const { context, definition } = this.#call;
    const { mail, step } = item;
    if (sent.kind === 'taken') {
      item.state = 'sent';
      const message = `Mail to ${mail.to} was accepted: ${sent.answer}`;
      const progress = this.#count('sent') / this.#items.length;
      const detail = { answer: sent.answer, message_id: mail.messageId };
      await context.steps.settle([{ step, state: 'done', detail }], [{ message, progress }]);
      return;
    }
    item.why = sent.kind === 'lost' ? `no response after it was sent: ${sent.why}` : sent.why;
    const isDoubtful = sent.kind === 'lost' && definition.afterCrash === 'once';
    if (isDoubtful) item.state = 'doubtful';
    if (sent.kind === 'refused') item.state = 'failed';
    await context.steps.settle([{ step, state: isDoubtful ? 'unknown' : 'failed', error: item.why }]);
  }

  #count(state: Item['state']): number {
    return this.#items.filter((item) => item.state === state).length;
  }
}
