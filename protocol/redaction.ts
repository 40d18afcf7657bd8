/**
 * Removes secrets from texts that others wrote: responses of servers, errors of libraries.
 *
 * Invariant: every text from a server is passed through `redact` before it is cut, quoted in an error or logged.
 */

/** Number of known tokens: the current one and those of requests in progress. */
const MAX_TOKENS = 8;

export class Redaction {
  readonly #fixed = new Set<string>();
  readonly #tokens: string[] = [];

  constructor(secrets: readonly string[]) {
    for (const secret of secrets) if (secret !== '') this.#fixed.add(secret);
  }

  addToken(token: string): void {
    if (token === '' || this.#tokens.includes(token)) return;
    this.#tokens.push(token);
    if (this.#tokens.length > MAX_TOKENS) this.#tokens.shift();
  }

  redact(text: string): string {
    // Longer secrets first, so that no half of a secret remains if another one is part of it.
    const all = [...this.#fixed, ...this.#tokens].flatMap(spellings).sort((a, b) => b.length - a.length);
    return all.reduce((clean, secret) => clean.replaceAll(secret, '***'), text);
  }

  /** An error to keep as `cause`: its text, without the objects (sockets, raw data) attached to it. */
  cause(error: unknown): Error {
    const source = error instanceof Error ? error : new Error(String(error));
    const clean = new Error(this.redact(source.message));
    clean.name = source.name;
    clean.stack = this.redact(source.stack ?? '');
    return clean;
  }
}

/** Unchanged, and as JSON and URLs write it. */
function spellings(secret: string): string[] {
  return [...new Set([secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret.toWellFormed())])];
}
