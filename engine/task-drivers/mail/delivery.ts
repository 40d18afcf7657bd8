/**
 * Brings the mails of a task to the server, one after the other, each a step of its own.
 *
 * Invariants:
 * - the intent is on the disk before a mail leaves, and what the server said is there before the next one does;
 * - a mail that a server took is not sent again in this recovery, in whatever flow or round of it;
 * - of a mail that left without an answer nobody knows whether it arrived: `once` leaves that to the operator, `idempotent`
 *   sends it again with the same Message-ID. Trouble with one mail does not keep the others.
 */
import { crashPoint } from '../../../crash-points.ts';
import { InDoubt, Interrupted, TaskFailure } from '../../../flow/outcome.ts';
import type { Step, StepChange } from '../../../flow/step-ledger.ts';
import type { DriverCall } from '../driver.ts';
import { keyOf } from './address.ts';
import { type Letter, written } from './letter.ts';
import { type Sent, ServerFault, type ServerSettings, Session } from './session.ts';

/** Waits between passes over the mails that the server did not take yet. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
/** Mails that a message names. */
const MAX_NAMED = 20;
/** A step of this kind can be settled by the operator's word: `retry UUID --done TASK/ADDRESS`. */
const STEP_KIND = 'task';

interface Item {
  readonly letter: Letter;
  readonly step: Step;
  /** `open`: to be sent. `doubtful`: it left, and nobody knows more. */
  state: 'open' | 'sent' | 'failed' | 'doubtful';
  why: string;
}

export interface Delivered {
  readonly mailed: readonly string[];
  readonly unmailed: readonly string[];
}

/** Throws `TaskFailure` that names what was not sent, `InDoubt` where that is not known. */
export async function deliver(
  call: DriverCall,
  letters: readonly Letter[],
  server: ServerSettings,
): Promise<Delivered> {
  const items = await itemsOf(call, letters);
  const post = new Post(call, items, server);
  await post.run();
  const named = (state: Item['state']): Item[] => items.filter((item) => item.state === state);
  const [failed, doubtful] = [named('failed'), named('doubtful')];
  const addresses = (some: readonly Item[]): string[] => some.map(({ letter: { to } }) => to);
  const delivered: Delivered = { mailed: addresses(named('sent')), unmailed: addresses([...failed, ...doubtful]) };
  const message = [
    listed('it is not known whether these mails arrived, and they are not sent again', doubtful),
    listed('these mails were not taken', failed),
  ].filter((part) => part !== '');
  if (doubtful.length > 0) throw new InDoubt(message.join('; '));
  if (failed.length > 0) throw new TaskFailure(message.join('; '), 'work', undefined, { ...delivered });
  return delivered;
}

function listed(what: string, items: readonly Item[]): string {
  if (items.length === 0) return '';
  const some = items.slice(0, MAX_NAMED).map(({ letter: { to }, why }) => `${to} (${why})`);
  const more = items.length > MAX_NAMED ? ` and ${items.length - MAX_NAMED} more` : '';
  return `${what}: ${some.join(', ')}${more}`;
}

/** The mails as the journal knows them; planned in one commit when this is the first time. */
async function itemsOf({ name, definition, context }: DriverCall, letters: readonly Letter[]): Promise<Item[]> {
  const keyFor = ({ to }: Letter): string => `${STEP_KIND}:${name}/${keyOf(to)}`;
  const steps = await context.steps.plan(
    letters.map((letter) => ({
      key: keyFor(letter),
      kind: STEP_KIND,
      object: letter.to,
      before: { message_id: letter.messageId },
    })),
  );
  const byKey = new Map(steps.map((step) => [step.key, step]));
  const changes: StepChange[] = [];
  const items: Item[] = [];
  for (const letter of letters) {
    const step = byKey.get(keyFor(letter));
    if (!step) throw new Error('the journal planned no step');
    const earlier = await context.earlierSteps(step.key);
    const item: Item = { letter, step, state: 'open', why: '' };
    items.push(item);
    const last = [...earlier, step].findLast(({ state }) => state !== 'planned' && state !== 'skipped');
    if (last?.state === 'done') {
      item.state = 'sent';
      if (step.state === 'planned')
        changes.push({ step, state: 'skipped', error: 'it was sent before in this recovery' });
    } else if (definition.afterCrash === 'once' && last && isOpenEnded(last.state)) {
      item.state = 'doubtful';
      item.why = last.error ?? 'it was cut off while it was sent';
      // The doubt of an earlier flow becomes one of this flow, which the operator is asked about.
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

/** Goes over the open mails again and again until there are none. */
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

  /** Throws `TaskFailure` when the server cannot be used, or what the signal says. */
  async run(): Promise<void> {
    const { clock, signal, progress } = this.#call.context;
    try {
      for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
        const why = await this.#pass();
        const open = this.#items.filter(({ state }) => state === 'open').length;
        if (open === 0) return;
        progress(`${open} mails wait for the server, trying again in ${waitMs / 1000} s: ${why}`);
        await clock.sleep(waitMs, signal);
      }
    } finally {
      this.#session?.close();
    }
  }

  /** Tries every open mail once. Returns why the last of those was not taken that still are open. */
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
    const { letter, step } = item;
    const message = await written(letter, clock.now());
    await steps.intend([{ step }]);
    const sent = await session.send(letter.from.address, letter.to, message, guard);
    crashPoint('step.after-call');
    if (sent.kind !== 'taken') this.#session = undefined;
    if (!signal.aborted) return this.#settle(item, sent);
    if (sent.kind !== 'lost') await this.#settle(item, sent).catch(() => {});
    // An engine that stops leaves the intent as it stands; a task whose time is up has to say what it knows.
    else if (!(signal.reason instanceof Interrupted)) await this.#settle(item, sent);
    throw signal.reason;
  }

  async #settle(item: Item, sent: Sent): Promise<void> {
    const { context, definition } = this.#call;
    const { letter, step } = item;
    if (sent.kind === 'taken') {
      item.state = 'sent';
      const message = `Mail to ${letter.to} was taken: ${sent.answer}`;
      const progress = this.#count('sent') / this.#items.length;
      const detail = { answer: sent.answer, message_id: letter.messageId };
      await context.steps.settle([{ step, state: 'done', detail }], [{ message, progress }]);
      return;
    }
    item.why = sent.kind === 'lost' ? `no answer came after it was sent: ${sent.why}` : sent.why;
    const isDoubtful = sent.kind === 'lost' && definition.afterCrash === 'once';
    if (isDoubtful) item.state = 'doubtful';
    if (sent.kind === 'refused') item.state = 'failed';
    await context.steps.settle([{ step, state: isDoubtful ? 'unknown' : 'failed', error: item.why }]);
  }

  #count(state: Item['state']): number {
    return this.#items.filter((item) => item.state === state).length;
  }
}
