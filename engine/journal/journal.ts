/**
 * The journal as the engine sees it. A promise of `write` that resolves means: on the disk, and the lease was ours. The rows are in a
 * thread of their own (or, for simulations, in the same one).
 */
import type { Clock } from '#protocol/clock.ts';
import { JournalFailure } from './failure.ts';
import type {
  AcceptNotification,
  AcceptResult,
  AddDecision,
  FlowSnapshot,
  Mutation,
  OpenFlow,
  PlannedStep,
} from './mutations.ts';
import type { RetentionLimits } from './prune-decision.ts';
import type { PruneResult } from './pruning.ts';
import type { QueryArguments, QueryName, QueryResult } from './queries.ts';
import type { EventRow, FlowRow, StepRow } from './rows.ts';
import { JournalService } from './service.ts';
import type { LeaseSettings } from './session.ts';
import { startThread } from './start-thread.ts';
import { LATE_COMMIT_MS } from './transaction.ts';
import type { Failure, Reply, Request, ThreadData } from './wire.ts';

type RequestWithoutId = Request extends infer R ? (R extends Request ? Omit<R, 'id'> : never) : never;

interface Waiting {
  readonly mutations: readonly Mutation[];
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: JournalFailure) => void;
}

/** Called for everything that is on the disk, in order. */
export type CommitListener = (mutations: readonly Mutation[], results: readonly unknown[]) => void;

interface Transport {
  send(request: Request): void;
  stop(): Promise<void>;
}

export interface JournalSettings extends LeaseSettings {
  readonly node: string;
}

function threadFailure(message: string): Failure {
  return { kind: 'unknown', message, code: undefined };
}

function receivedFailure({ kind, message, code }: Failure): JournalFailure {
  return new JournalFailure(kind, message, code === undefined ? undefined : { code });
}

export class Journal {
  readonly epoch: number;
  readonly owner: string;
  /** Why the lease could be taken. */
  readonly reason: string;
  readonly warnings: readonly string[];
  /** Rejects when the journal cannot continue (`lease_lost`, `unknown`); never resolves otherwise until closed. */
  readonly failed: Promise<never>;

  readonly #clock: Clock;
  readonly #transport: Transport;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<CommitListener>();
  #confirmedAt: number;
  #nextId = 1;
  /** Why no more requests are possible. */
  #failure: JournalFailure | undefined;
  #closing: Promise<void> | undefined;
  /** No more messages will come from the thread. */
  #isOver = false;
  #fail: (error: JournalFailure) => void = () => {};

  /** Opens the journal in a thread of its own and takes the lease. Throws `JournalFailure`. */
  static async open(settings: JournalSettings, clock: Clock): Promise<Journal> {
    const data: ThreadData = { settings, node: settings.node };
    const worker = startThread(data);
    return Journal.#start(clock, (receive) => {
      worker.on('message', receive);
      worker.on('error', (error) =>
        receive({ reply: 'fatal', failure: threadFailure(`the journal thread died: ${error.message}`) }),
      );
      worker.on('exit', (code) =>
        receive({ reply: 'fatal', failure: threadFailure(`the journal thread ended with ${code}`) }),
      );
      return {
        send: (request) => worker.postMessage(request),
        stop: async () => {
          await worker.terminate();
        },
      };
    });
  }

  /** Opens the journal in this thread: for simulations and tests, where a blocked loop does no harm. */
  static async openInline(settings: JournalSettings, clock: Clock): Promise<Journal> {
    return Journal.#start(clock, (receive) => {
      const service = JournalService.open({ settings, node: settings.node }, clock, (reply) =>
        queueMicrotask(() => receive(reply)),
      );
      return { send: (request) => service?.receive(request), stop: async () => {} };
    });
  }

  static async #start(clock: Clock, connect: (receive: (reply: Reply) => void) => Transport): Promise<Journal> {
    const opened = Promise.withResolvers<Extract<Reply, { reply: 'opened' }>>();
    let receive = (reply: Reply): void => {
      if (reply.reply === 'opened') opened.resolve(reply);
      else if (reply.reply === 'fatal') opened.reject(receivedFailure(reply.failure));
    };
    const transport = connect((reply) => receive(reply));
    try {
      const first = await opened.promise;
      const journal = new Journal(clock, transport, first);
      receive = (reply) => journal.#receive(reply);
      return journal;
    } catch (error) {
      await transport.stop();
      throw error;
    }
  }

  private constructor(clock: Clock, transport: Transport, opened: Extract<Reply, { reply: 'opened' }>) {
    this.#clock = clock;
    this.#transport = transport;
    this.#confirmedAt = opened.confirmedAt;
    this.epoch = opened.epoch;
    this.owner = opened.owner;
    this.reason = opened.reason;
    this.warnings = opened.warnings;
    this.failed = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => {});
  }

  /** Writes mutations in one transaction, whole or not at all. Resolves when they are on the disk. */
  async write(...mutations: Mutation[]): Promise<void> {
    await this.#commit(mutations);
  }

  async accept(notification: Omit<AcceptNotification, 'op'>): Promise<AcceptResult> {
    const [result] = await this.#commit([{ op: 'accept', ...notification }]);
    return result as AcceptResult;
  }

  /** @param decisions that led to the flow */
  async openFlow(flow: Omit<OpenFlow, 'op'>, decisions: readonly AddDecision[] = []): Promise<FlowSnapshot> {
    const [result] = await this.#commit([{ op: 'open_flow', ...flow }, ...decisions]);
    return result as FlowSnapshot;
  }

  /** Counts one more resume of a flow and returns the flow as it is now. */
  async resumeFlow(flowId: number, decisions: readonly AddDecision[] = []): Promise<FlowRow> {
    const [result] = await this.#commit([{ op: 'resume_flow', flowId }, ...decisions]);
    return result as FlowRow;
  }

  /** Plans steps; those that were planned before are returned unchanged. */
  async planSteps(
    atomId: number,
    steps: readonly PlannedStep[],
    decisions: readonly AddDecision[] = [],
  ): Promise<readonly StepRow[]> {
    const [result] = await this.#commit([{ op: 'plan_steps', atomId, steps }, ...decisions]);
    return result as StepRow[];
  }

  async query<Name extends QueryName>(name: Name, ...parameters: QueryArguments<Name>): Promise<QueryResult<Name>> {
    return (await this.#query({ do: 'query', name, parameters })) as QueryResult<Name>;
  }

  onCommit(listener: CommitListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whether the lease was confirmed so recently that acting on the cloud is safe. */
  isFresh(): boolean {
    return this.#failure === undefined && this.#clock.boottime() - this.#confirmedAt < LATE_COMMIT_MS;
  }

  /** Resolves once the lease is confirmed and recent; throws `lease_lost` if another engine has it. */
  async confirm(): Promise<void> {
    while (!this.isFresh()) await this.#query({ do: 'confirm' });
  }

  /**
   * Removes one batch of closed recoveries beyond the retention limits, in a transaction of its own after all earlier requests. `more`:
   * another batch may find more at once; otherwise once per lease renewal is enough.
   * @throws JournalFailure `constraint` if a rule of the file forbids it: nothing was removed then.
   */
  async prune(limits: RetentionLimits): Promise<PruneResult> {
    return (await this.#query({ do: 'prune', limits })) as PruneResult;
  }

  async beat(): Promise<void> {
    await this.#query({ do: 'beat' });
  }

  /** COMMITs so far, for the benchmark. */
  async commits(): Promise<number> {
    return Number(await this.#query({ do: 'commits' }));
  }

  /** Releases the lease and ends the thread; later requests are refused. Safe after a failure, and twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const released = this.#failure ? undefined : this.#query({ do: 'close' });
    this.#failure ??= new JournalFailure('refused', 'the journal is closed');
    try {
      await released;
    } finally {
      this.#isOver = true;
      await this.#transport.stop();
    }
  }

  async #commit(mutations: readonly Mutation[]): Promise<readonly unknown[]> {
    return (await this.#query({ do: 'commit', mutations }, mutations)) as readonly unknown[];
  }

  #query(request: RequestWithoutId, mutations: readonly Mutation[] = []): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      const id = this.#nextId++;
      this.#waiting.set(id, { mutations, resolve, reject });
      this.#transport.send({ ...request, id } as Request);
    });
  }

  #receive(reply: Reply): void {
    if (reply.reply === 'opened') return;
    if (reply.reply === 'fatal') {
      this.#end(receivedFailure(reply.failure));
      return;
    }
    const waiting = this.#waiting.get(reply.id);
    if (!waiting) return;
    this.#waiting.delete(reply.id);
    if (reply.reply === 'failed') {
      waiting.reject(receivedFailure(reply.failure));
      return;
    }
    if (reply.confirmedAt !== undefined) this.#confirmedAt = reply.confirmedAt;
    if (waiting.mutations.length > 0) {
      for (const listener of this.#listeners) listener(waiting.mutations, reply.value as readonly unknown[]);
    }
    waiting.resolve(reply.value);
  }

  #end(failure: JournalFailure): void {
    // The end of the thread after a failure or a close is no news.
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure ??= failure;
    for (const { reject } of this.#waiting.values()) reject(failure);
    this.#waiting.clear();
    this.#fail(failure);
  }
}

/** The events among what was committed. */
export function committedEvents(mutations: readonly Mutation[], results: readonly unknown[]): EventRow[] {
  return results.filter((_, index) => mutations[index]?.op === 'event') as EventRow[];
}
