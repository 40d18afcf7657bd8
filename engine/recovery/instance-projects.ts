/**
 * The projects of instances whose recoveries are open, read when the queue needs them (`ProjectShares`).
 *
 * Invariants: a read delays no recovery that may start without it; a project that Nova does not return is read again later, and counts as
 * not returned until then. An instance never changes its project, so one response is valid while its recovery is open.
 */

import type { Clock } from '#protocol/clock.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { Log } from '#protocol/log.ts';
import type { Cloud } from '../cloud/cloud.ts';
import { readInstance } from '../cloud/reading.ts';
import type { LogbookRow } from '../journal/rows.ts';
import type { Projects } from './project-shares-decision.ts';

/** Reads at the same time: hundreds of crashes take no connection from recoveries. */
const AT_A_TIME = 4;
/** An instance without a response from Nova within this time counts as not returned. */
const READ_TIMEOUT_MS = 5_000;
/** Delay before a missing project is read again. */
const READ_AGAIN_MS = 30_000;

export interface InstanceProjectsParts {
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly log: Log;
  /** Causes the queue to be planned again. */
  readonly wake: () => void;
}

interface Answer {
  readonly project: string | null;
  /** CLOCK_BOOTTIME ms. */
  readonly at: number;
}

export class InstanceProjects {
  readonly #parts: InstanceProjectsParts;
  #answers = new Map<string, Answer>();
  readonly #queue: string[] = [];
  /** In the queue or being read. */
  readonly #wanted = new Set<string>();
  #reading: Promise<void> | undefined;

  constructor(parts: InstanceProjectsParts) {
    this.#parts = parts;
  }

  /** The known projects of open recoveries; the rest is forgotten. */
  known(open: readonly Pick<LogbookRow, 'target'>[]): Projects {
    const answers = new Map<string, Answer>();
    for (const { target } of open) {
      const answer = this.#answers.get(target);
      if (answer) answers.set(target, answer);
    }
    this.#answers = answers;
    return new Map([...answers].map(([target, { project }]) => [target, project]));
  }

  /** Reads in the background, and wakes the queue whenever a new project is known. */
  read(targets: readonly string[], signal: AbortSignal): void {
    for (const target of [...targets, ...this.#toReadAgain()]) {
      if (!this.#wanted.has(target)) this.#queue.push(target);
      this.#wanted.add(target);
    }
    if (this.#queue.length === 0 || signal.aborted) return;
    this.#reading ??= this.#readAll(signal).finally(() => {
      this.#reading = undefined;
    });
  }

  /** Resolves when nothing is being read. */
  async settled(): Promise<void> {
    await this.#reading;
  }

  #toReadAgain(): readonly string[] {
    const now = this.#parts.clock.boottime();
    const isOld = ({ project, at }: Answer): boolean => project === null && now - at >= READ_AGAIN_MS;
    return [...this.#answers].filter(([, answer]) => isOld(answer)).map(([target]) => target);
  }

  async #readAll(signal: AbortSignal): Promise<void> {
    const worker = async (): Promise<void> => {
      for (let target = this.#queue.shift(); target !== undefined; target = this.#queue.shift()) {
        const project = await this.#projectOf(target, signal);
        if (signal.aborted) return;
        this.#wanted.delete(target);
        this.#answers.set(target, { project, at: this.#parts.clock.boottime() });
        this.#parts.wake();
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  }

  async #projectOf(target: string, caller: AbortSignal): Promise<string | null> {
    const { cloud, log } = this.#parts;
    const uuid = target.slice('instance:'.length);
    const signal = AbortSignal.any([caller, AbortSignal.timeout(READ_TIMEOUT_MS)]);
    try {
      const reading = await readInstance(cloud, uuid, { signal, urgency: 'question' });
      if (reading.answer === 'yes' && reading.value.projectId !== '') return reading.value.projectId;
    } catch (error) {
      const reason = errorMessage(error);
      log('debug', 'project of an instance not read', { instance: uuid, reason });
    }
    return null;
  }
}
