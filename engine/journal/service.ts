/** The journal's side of the wire: receives requests, writes those that arrived together in one transaction, responds in order. */
import { type Stats, statSync } from 'node:fs';
import { crashPoint } from '../crash-points.ts';
import { JournalFailure } from './failure.ts';
import { identifyProcess } from './process-identity.ts';
import type { RetentionLimits } from './prune-decision.ts';
import { runQuery } from './queries.ts';
import { type Session, takeNewLease } from './session.ts';
import type { Failure, Reply, Request, ThreadData } from './wire.ts';
import { JournalWriter, type WriterClock } from './writer.ts';

type Commit = Extract<Request, { do: 'commit' }>;

function failureOf(error: unknown): Failure {
  if (error instanceof JournalFailure) return { kind: error.kind, message: error.message, code: error.code };
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { kind: 'unknown', message, code: undefined };
}

export class JournalService {
  readonly #send: (reply: Reply) => void;
  readonly #session: Session;
  readonly #writer: JournalWriter;
  readonly #path: string;
  readonly #file: Stats;
  #waiting: Commit[] = [];
  #isScheduled = false;
  #isFinished = false;

  /** Opens the journal and takes the lease; responds `opened` or `fatal`. */
  static open(data: ThreadData, clock: WriterClock, send: (reply: Reply) => void): JournalService | undefined {
    try {
      return new JournalService(data, clock, send);
    } catch (error) {
      send({ reply: 'fatal', failure: failureOf(error) });
      return undefined;
    }
  }

  private constructor(data: ThreadData, clock: WriterClock, send: (reply: Reply) => void) {
    this.#send = send;
    this.#session = takeNewLease(
      data.settings,
      identifyProcess(data.node, data.settings.machineFiles, data.settings.resource),
      clock,
    );
    const { term, reason, warnings } = this.#session;
    this.#path = data.settings.path;
    this.#file = statSync(this.#path);
    this.#writer = new JournalWriter(this.#session.db, term, clock, data.settings);
    send({ reply: 'opened', ...term, reason, warnings, confirmedAt: this.#writer.confirm() });
  }

  receive(request: Request): void {
    if (this.#isFinished) return;
    if (request.do === 'commit') {
      this.#waiting.push(request);
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      // All requests that arrive in this turn of the loop share the transaction.
      setImmediate(() => this.#flush());
      return;
    }
    // Earlier requests are on the disk before a response to any other.
    this.#flush();
    if (!this.#isFinished) this.#answer(request);
  }

  #flush(): void {
    this.#isScheduled = false;
    const batch = this.#waiting;
    if (batch.length === 0 || this.#isFinished) return;
    this.#waiting = [];
    this.#guarded(() => {
      const { outcomes, confirmedAt } = this.#writer.commit(batch.map(({ mutations }) => mutations));
      crashPoint('writer.before-acknowledge');
      for (const [index, outcome] of outcomes.entries()) {
        const id = batch[index]?.id ?? -1;
        if (outcome.ok) this.#send({ reply: 'done', id, value: outcome.results, confirmedAt });
        else this.#send({ reply: 'failed', id, failure: failureOf(outcome.error) });
      }
    });
  }

  #answer(request: Exclude<Request, Commit>): void {
    this.#guarded(() => {
      const { id } = request;
      if (request.do === 'query') {
        const value = runQuery(this.#session.db, request.name, request.parameters);
        this.#send({ reply: 'done', id, value, confirmedAt: undefined });
      } else if (request.do === 'commits') {
        this.#send({ reply: 'done', id, value: this.#writer.commits, confirmedAt: undefined });
      } else if (request.do === 'prune') {
        this.#prune(id, request.limits);
      } else if (request.do === 'close') {
        this.#isFinished = true;
        this.#writer.release();
        this.#session.db.close();
        this.#send({ reply: 'done', id, value: null, confirmedAt: undefined });
      } else {
        if (request.do === 'beat') this.#mustBeInPlace();
        const confirmedAt = request.do === 'beat' ? this.#writer.renewLease() : this.#writer.confirm();
        this.#send({ reply: 'done', id, value: null, confirmedAt });
      }
    });
  }

  #prune(id: number, limits: RetentionLimits): void {
    try {
      const { result, confirmedAt } = this.#writer.prune(limits, this.#session.heldAt);
      this.#send({ reply: 'done', id, value: result, confirmedAt });
    } catch (error) {
      if (!(error instanceof JournalFailure) || error.isFatal) throw error;
      this.#send({ reply: 'failed', id, failure: failureOf(error) });
    }
  }

  /** The open file still works after its storage was unmounted or its name removed, and no other process would see it. */
  #mustBeInPlace(): void {
    const now = statSync(this.#path, { throwIfNoEntry: false });
    if (now?.ino === this.#file.ino && now.dev === this.#file.dev) return;
    throw new JournalFailure(
      'unknown',
      `the journal ${this.#path} is not at its place any more; its storage has vanished`,
    );
  }

  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#isFinished = true;
      this.#send({ reply: 'fatal', failure: failureOf(error) });
    }
  }
}
