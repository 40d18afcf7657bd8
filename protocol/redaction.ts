/**
 * Keeps secrets out of texts that others wrote: answers of servers, errors of libraries.
 *
 * Invariant: whatever a server sent is passed through `redact` before it is cut, quoted in an error or logged.
 */

/** Tokens known at a time: the current one and the ones that requests still under way carry. */
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
    // Long before short, so that no secret's half remains where another one is part of it.
    const all = [...this.#fixed, ...this.#tokens].flatMap(spellings).sort((a, b) => b.length - a.length);
    return all.reduce((clean, secret) => clean.replaceAll(secret, '***'), text);
  }

  /** An error to keep as `cause`: its words, without the objects (sockets, raw data) that hang on it. */
  cause(error: unknown): Error {
    const source = error instanceof Error ? error : new Error(String(error));
    const clean = new Error(this.redact(source.message));
    clean.name = source.name;
    clean.stack = this.redact(source.stack ?? '');
    return clean;
  }
}

/** As it is, and as JSON and URLs write it. */
function spellings(secret: string): string[] {
  return [...new Set([secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret.toWellFormed())])];
}
