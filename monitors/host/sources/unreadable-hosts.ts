/**
 * The hosts that a source could not read although it could read others, for the log.
 *
 * Invariant: each is logged when it begins and when its reason changes, and its end is logged; not every look repeats it.
 */
import type { Log } from '#protocol/log.ts';
import type { Fact } from './fact.ts';

export class UnreadableHosts {
  readonly #log: Log;
  readonly #known = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param facts all that a look of the source found */
  note(source: Fact['source'], facts: readonly Fact[]): void {
    for (const { host, network, detail, isUnreadable = false } of facts) {
      const key = JSON.stringify([source, host, network]);
      const before = this.#known.get(key);
      if (isUnreadable && before !== detail) {
        this.#known.set(key, detail);
        this.#log('warning', 'the state of a host cannot be read', { source, host, reason: detail });
      } else if (!isUnreadable && before !== undefined) {
        this.#known.delete(key);
        this.#log('info', 'the state of a host can be read again', { source, host });
      }
    }
  }
}
