/**
 * Questions to QEMU, so that libvirt notices one that hangs: its control info tells only of a command that is waiting.
 *
 * Invariant: at most `MAX_PROBES` are unanswered at any time, and one for each run of a domain. Each unanswered one holds a
 * worker of libvirtd (20 by default); were there more, QEMUs that hang together would keep Nova out of libvirt.
 */
import type { DomainName } from '../libvirt/domain-name.ts';

const MAX_PROBES = 3;
/** A QEMU that works answers in milliseconds; one that does not goes on being asked without being waited for. */
const PATIENCE_MS = 1000;

export class Probes {
  readonly #ask: (domain: DomainName) => Promise<void>;
  readonly #unanswered = new Map<string, Promise<void>>();

  constructor(ask: (domain: DomainName) => Promise<void>) {
    this.#ask = ask;
  }

  /** Asks, unless this one has not answered before or too many have not; waits a moment for the answer. Never throws. */
  async probe(domain: DomainName, signal: AbortSignal): Promise<void> {
    const key = `${domain.uuid}/${domain.id}`;
    if (this.#unanswered.has(key) || this.#unanswered.size >= MAX_PROBES) return;
    // What an answer says does not matter: a refusal is one, too, and a lost connection is noticed by the looks.
    const answer = this.#ask(domain)
      .catch(() => {})
      .finally(() => this.#unanswered.delete(key));
    this.#unanswered.set(key, answer);
    const { promise: enough, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, PATIENCE_MS);
    const stop = () => resolve();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await Promise.race([answer, enough]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }
}
