/**
 * The hosts that a source could not read although it could read others, for the log.
 *
 * Invariant: each is logged when it starts and when its reason changes, and its end is logged; not every poll repeats it.
 */
import type { Log } from '#protocol/log.ts';
import type { Fact } from './source.ts';

export class UnreadableHosts {
  readonly #log: Log;
  readonly #known = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param facts all facts of a poll of the source */
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
