/** The operators of a history. They state that a host is down only if it is. */
import { RequestRefused } from '#engine/service/request-refused.ts';
import type { Truth } from '#test/model/events/truth.ts';
import type { CallWitness } from './call-witness.ts';
import type { Engines } from './engines.ts';
import type { TimedHappening } from './history.ts';
import type { EngineRun } from './random-stage.ts';

export interface OperatorParts {
  readonly engines: Engines;
  readonly truth: Truth;
  readonly calls: CallWitness;
}

export class Operators {
  readonly #parts: OperatorParts;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
  }

  async command({ command, forSeconds }: Extract<TimedHappening, { kind: 'operator' }>): Promise<void> {
    const run = this.#parts.engines.present;
    if (!run) return;
    const { operator } = run.engine;
    if (command === 'pause') await this.#operate(run, operator.pause(forSeconds === null ? null : forSeconds * 1000));
    if (command === 'unpause') await this.#operate(run, operator.unpause());
    const [newest] = await run.journal.query('list', { limit: 1 });
    if (!newest) return;
    if (command === 'approve') await this.#operate(run, operator.approve(newest.uuid));
    if (command === 'retry') await this.#retry(run, newest.uuid, newest.host);
  }

  /** An operator states that a host is down only if it is. */
  async #retry(run: EngineRun, uuid: string, host: string): Promise<void> {
    const isOff = !this.#parts.truth.hasPower(host);
    if (isOff) {
      this.#parts.truth.proven.add(host);
      this.#parts.calls.deathReported(host);
    }
    await this.#operate(run, run.engine.operator.retry(uuid, isOff ? 'operator' : 'none'));
  }

  /** A command is carried out or refused; the engine may end meanwhile. */
  async #operate({ life }: EngineRun, command: Promise<unknown>): Promise<void> {
    const done = command.catch((error: unknown) => {
      if (!(error instanceof RequestRefused)) throw error;
    });
    await Promise.race([done, life.death]);
  }

  /** What operators do in the end: they resume all, approve what is held, and retry what failed. */
  async commandAll(): Promise<void> {
    const run = this.#parts.engines.present;
    if (!run) return;
    await this.#operate(run, run.engine.operator.unpause());
    for (const row of await run.journal.query('list', { limit: 1_000 })) {
      const { uuid, host, status, parked_reason: held, type } = row;
      if (held?.startsWith('Held by gate')) await this.#operate(run, run.engine.operator.approve(uuid));
      const isDead = type === 'COMPUTE_HOST' && !this.#parts.truth.hasPower(host) && row.payload.includes('STOPPED');
      if (status === 'failed' || (status === 'ignored' && isDead)) await this.#retry(run, uuid, host);
    }
  }
}
