/**
 * Requests to QEMU, so that libvirt detects a hang: its control info shows only commands that wait for a response.
 *
 * Invariant: at most `MAX_PROBES` are unanswered at any time, and at most one for each run of a domain. Each unanswered
 * request occupies a worker of libvirtd (20 by default). With more of them, QEMUs that hang together would lock Nova out.
 */
import type { DomainName } from '../libvirt/domain-name.ts';

const MAX_PROBES = 3;
/** A working QEMU responds in milliseconds. A request to another one stays open, but the poll does not wait for it. */
const TIMEOUT_MS = 1000;

export class Probes {
  readonly #query: (domain: DomainName) => Promise<void>;
  readonly #unanswered = new Map<string, Promise<void>>();

  constructor(query: (domain: DomainName) => Promise<void>) {
    this.#query = query;
  }

  /** Sends a request, unless this domain or too many others have one open; waits a moment for the response. Never throws. */
  async probe(domain: DomainName, signal: AbortSignal): Promise<void> {
    const key = `${domain.uuid}/${domain.id}`;
    if (this.#unanswered.has(key) || this.#unanswered.size >= MAX_PROBES) return;
    // The content of the response does not matter: a refusal is a response too, and the polls detect a lost connection.
    const answer = this.#query(domain)
      .catch(() => {})
      .finally(() => this.#unanswered.delete(key));
    this.#unanswered.set(key, answer);
    const { promise: enough, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, TIMEOUT_MS);
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
