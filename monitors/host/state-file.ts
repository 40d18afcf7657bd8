/**
 * The state file of the host monitor: the reports and the known fencings of each host.
 *
 * Invariant: the file is at every moment either the old or the new one, complete. It is written after the report is durable, never
 * before: a crash in between repeats a report, which the engine recognises, and loses none.
 */

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { errorMessage } from '#protocol/error-message.ts';
import type { Log } from '#protocol/log.ts';
import { removeUnfinished, replaceFile } from '#protocol/replaced-file.ts';
import { readStateFile } from '../service/state-file.ts';
import { knownAfter } from './new-fencing-decision.ts';
import type { LastReport } from './report-decision.ts';

/** Some 200 bytes a host. */
const MAX_BYTES = 8 * 1024 * 1024;

const lastReportSchema = v.object({
  said: v.picklist(['dead', 'suspected']),
  since: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(8.64e15)),
  proof: v.exactOptional(v.picklist(['fenced', 'power off', 'operator'])),
});
const fencingsSchema = v.array(v.pipe(v.number(), v.integer(), v.maxValue(8.64e15)));
const fileSchema = v.object({
  version: v.literal(1),
  hosts: v.record(v.string(), lastReportSchema),
  /** Missing in files of versions without the history. */
  fencings: v.optional(v.record(v.string(), fencingsSchema), {}),
});

interface Contents {
  readonly hosts: Map<string, LastReport>;
  /** By host: completion times in ascending order, milliseconds UTC. */
  readonly fencings: Map<string, readonly number[]>;
}

export class HostStateFile {
  readonly #path: string;
  readonly #hosts: Map<string, LastReport>;
  readonly #fencings: Map<string, readonly number[]>;
  #isSaved = true;

  private constructor(path: string, { hosts, fencings }: Contents = { hosts: new Map(), fencings: new Map() }) {
    this.#path = path;
    this.#hosts = hosts;
    this.#fencings = fencings;
  }

  /**
   * A file that does not exist or cannot be parsed counts as one without reports: hosts that are dead are then
   * reported again, and a return may go unreported. Both are logged.
   */
  static open(path: string, log: Log): HostStateFile {
    removeUnfinished(path);
    try {
      const text = readStateFile(path, MAX_BYTES);
      if (text === undefined) return new HostStateFile(path);
      const { hosts, fencings } = v.parse(fileSchema, JSON.parse(text));
      return new HostStateFile(path, {
        hosts: new Map(Object.entries(hosts)),
        fencings: new Map(Object.entries(fencings).map(([host, times]) => [host, times.toSorted((a, b) => a - b)])),
      });
    } catch (error) {
      const reason = errorMessage(error);
      log('error', 'the state file cannot be read; hosts that are dead are reported again', { path, reason });
      return new HostStateFile(path);
    }
  }

  get(host: string): LastReport | undefined {
    return this.#hosts.get(host);
  }

  /** The known fencings; undefined for a host whose history was never read. */
  fencings(host: string): readonly number[] | undefined {
    return this.#fencings.get(host);
  }

  /** Applies from now on, and is in the file after the next `save` or `set`. */
  knowFencings(host: string, fencings: readonly number[]): void {
    const known = this.#fencings.get(host);
    const after = knownAfter(known ?? [], fencings);
    if (after === known) return;
    this.#fencings.set(host, after);
    this.#isSaved = false;
  }

  /** False while the state is not in the file. */
  get isSaved(): boolean {
    return this.#isSaved;
  }

  /** Applies from now on, even if the file cannot be written; that error is thrown. */
  set(host: string, last: LastReport | undefined): void {
    if (last === undefined) this.#hosts.delete(host);
    else this.#hosts.set(host, last);
    this.save();
  }

  save(): void {
    this.#isSaved = false;
    const [hosts, known] = [this.#hosts, this.#fencings].map((map) => Object.fromEntries([...map].sort()));
    const fencings = this.#fencings.size === 0 ? {} : { fencings: known };
    const text = `${JSON.stringify({ version: 1, hosts, ...fencings }, null, 1)}\n`;
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o750 });
    replaceFile({ path: this.#path, text, mode: 0o640, durable: 'content and name' });
    this.#isSaved = true;
  }
}
