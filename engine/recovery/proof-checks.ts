/**
 * Runs the programs that prove deaths, for recoveries that only the gate `proof-of-death` holds.
 *
 * Invariants:
 * - a result counts for the engine that ran the program: one that an engine before it left behind may be old;
 * - a program that fences is started only while Nova shows its host down, and with the intent in the journal. It may be started again after
 *   the end of its engine, so it must be one that can be repeated;
 * - a program that fails, takes too long or prints nothing usable shows nothing: only its own word means dead.
 */
import type { Configuration } from '#config/configuration.ts';
import type { AcceptedProof } from '#config/options/proofs.ts';
import type { ProofProgram } from '#config/pipelines/proof-programs.ts';
import type { Clock } from '#protocol/clock.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { comparableHost } from '#protocol/host-name.ts';
import type { Log } from '#protocol/log.ts';
import { type ProofCheck, READ_AGAIN_MS } from '../gates/gate.ts';
import { FRESH_CHECK_MS } from '../gates/proof-of-death-decision.ts';
import type { HostNames } from '../intake/host-names.ts';
import type { Journal } from '../journal/journal.ts';
import type { LogbookRow, ProofCheckRow } from '../journal/rows.ts';

/** Result of a program; null: its output contains no result. */
export type ProofResult = Pick<ProofCheck, 'state' | 'detail'>;
/** Runs a program for a host; rejects if it fails. */
export type RunProof = (call: ProofCall) => Promise<ProofResult>;

export interface ProofCall {
  readonly name: string;
  readonly program: ProofProgram;
  readonly host: string;
  /** Of the notification. */
  readonly uuid: string;
  /** 1 for the first of this engine. */
  readonly attempt: number;
  readonly signal: AbortSignal;
}

export interface ProofChecksParts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
  readonly configuration: Configuration;
  readonly hostNames: HostNames;
  /** Without it no program runs. */
  readonly runProof?: RunProof;
  /** Aborted when the engine stops. */
  readonly signal: AbortSignal;
  /** Causes the queue to be planned again. */
  readonly wake: () => void;
}

/** Programs that run at the same time. */
const MAX_PROGRAMS = 8;

interface Check extends ProofResult {
  readonly kind: ProofProgram['kind'];
  readonly attempt: number;
  /** When the result arrived, CLOCK_BOOTTIME ms; undefined: the first run has not ended. */
  readonly endedAt: number | undefined;
  readonly isRunning: boolean;
}

export class ProofChecks {
  readonly #parts: ProofChecksParts;
  /** By notification, then by program. */
  readonly #checks = new Map<string, Map<string, Check>>();
  readonly #running = new Set<Promise<void>>();

  constructor(parts: ProofChecksParts) {
    this.#parts = parts;
  }

  /** What the programs of this engine showed about the host of a recovery. */
  known(uuid: string): readonly ProofCheck[] {
    const now = this.#parts.clock.boottime();
    return [...(this.#checks.get(uuid) ?? [])].map(([name, { kind, state, detail, endedAt }]) => {
      return { name, kind, state, detail, ageMs: endedAt === undefined ? 0 : now - endedAt };
    });
  }

  /** Whether a program of an accepted kind has shown just now that the host is dead. */
  showDead(uuid: string, accepted: readonly AcceptedProof[]): boolean {
    return this.known(uuid).some(
      ({ state, kind, ageMs }) => state === 'dead' && accepted.includes(kind) && ageMs < FRESH_CHECK_MS,
    );
  }

  /** Starts the programs whose results are old. */
  start(row: LogbookRow): void {
    const { clock, configuration, signal } = this.#parts;
    if (signal.aborted) return;
    const known = this.#checks.get(row.uuid) ?? new Map<string, Check>();
    this.#checks.set(row.uuid, known);
    for (const [name, program] of configuration.proofs) {
      const last = known.get(name);
      const isNew = last?.endedAt !== undefined && clock.boottime() - last.endedAt < READ_AGAIN_MS;
      if (last?.isRunning || isNew) continue;
      // Not queued: by its turn another gate may hold the recovery. The end of a program causes the next decision.
      if (this.#running.size >= MAX_PROGRAMS) return;
      const attempt = (last?.attempt ?? 0) + 1;
      // The last result stays until the next one, and grows old.
      const until = last ?? { kind: program.kind, state: 'unknown', detail: 'it is running', endedAt: undefined };
      known.set(name, { ...until, attempt, isRunning: true });
      const run = this.#run(row, name, program, attempt, last).finally(() => this.#running.delete(run));
      this.#running.add(run);
    }
  }

  /** Forgets recoveries that are closed. @param open all that are not */
  keepOnly(open: readonly LogbookRow[]): void {
    if (this.#checks.size === 0) return;
    const uuids = new Set(open.map(({ uuid }) => uuid));
    for (const uuid of this.#checks.keys()) if (!uuids.has(uuid)) this.#checks.delete(uuid);
  }

  /** Resolves when no program runs any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #run(
    row: LogbookRow,
    name: string,
    program: ProofProgram,
    attempt: number,
    last: Check | undefined,
  ): Promise<void> {
    const { clock, log, wake } = this.#parts;
    let result: ProofResult;
    try {
      result = await this.#resultOf(row, name, program, attempt);
    } catch (error) {
      result = { state: 'unknown', detail: errorMessage(error) };
    }
    const isNew = last?.state !== result.state || last.detail !== result.detail;
    // A result counts from the moment in which it is in the journal. A journal that fails ends the engine.
    if (isNew) await this.#record(row, name, program, result).catch(() => {});
    const ended = { kind: program.kind, attempt, endedAt: clock.boottime(), isRunning: false };
    this.#checks.get(row.uuid)?.set(name, { ...result, ...ended });
    if (isNew) log('info', `proof shows ${result.state}`, { uuid: row.uuid, host: row.host, proof: name, ...result });
    wake();
  }

  /** @throws the reason for which it shows nothing */
  async #resultOf(row: LogbookRow, name: string, program: ProofProgram, attempt: number): Promise<ProofResult> {
    const { runProof, signal } = this.#parts;
    if (runProof === undefined) return { state: 'unknown', detail: 'no program runs here' };
    if (program.acts) {
      const obstacle = this.#whyNotFenced(row.host);
      if (obstacle !== undefined) return { state: 'unknown', detail: obstacle };
      await this.#record(row, name, program, { state: 'running', detail: 'it was started to fence the host' });
    }
    const limit = AbortSignal.timeout(program.timeoutMs);
    const call = { name, program, host: row.host, uuid: row.uuid, attempt };
    return await runProof({ ...call, signal: AbortSignal.any([signal, limit]) }).catch((error: unknown) => {
      throw limit.aborted ? new Error(`it did not end within ${program.timeoutMs / 1000} s`) : error;
    });
  }

  /** Why a program may not fence the host; undefined: Nova shows the host down. */
  #whyNotFenced(host: string): string | undefined {
    const nova = this.#parts.hostNames.list;
    if (nova === null) return 'not started: Nova has not responded yet';
    const isDown = [...nova.silent, ...nova.forcedDown].some((name) => comparableHost(name) === comparableHost(host));
    return isDown ? undefined : 'not started: it would fence the host, and Nova does not show the host down';
  }

  #record(
    { uuid }: LogbookRow,
    name: string,
    { kind }: ProofProgram,
    result: Pick<ProofCheckRow, 'state' | 'detail'>,
  ): Promise<unknown> {
    const { journal, clock } = this.#parts;
    return journal.write({ op: 'proof_check', uuid, name, kind, ...result, at: clock.now() });
  }
}
