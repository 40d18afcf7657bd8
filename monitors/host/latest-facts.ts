/**
 * The newest facts of every source, and which sources are blind.
 *
 * Invariants:
 * - a blind source has no facts; its earlier facts no longer count. An empty response is no response: the source is blind;
 * - a blind Pacemaker, and one that has not responded yet, has no state of any host, as without quorum: no host is dead then.
 */
import type { Fact, Source } from './sources/source.ts';

export class LatestFacts {
  readonly #facts = new Map<Source['name'], readonly Fact[]>();
  readonly #blind = new Map<Source['name'], string>();
  readonly #sources: readonly Source['name'][];

  constructor(sources: readonly Source['name'][]) {
    this.#sources = sources;
  }

  /** All facts of a source; at least one. */
  put(source: Source['name'], facts: readonly Fact[]): void {
    this.#facts.set(source, facts);
    this.#blind.delete(source);
  }

  /** New facts of a source about some hosts. */
  add(source: Source['name'], news: readonly Fact[]): void {
    const isReplaced = (old: Fact) => news.some(({ host, network }) => host === old.host && network === old.network);
    const kept = (this.#facts.get(source) ?? []).filter((old) => !isReplaced(old));
    this.#facts.set(source, [...kept, ...news]);
  }

  /** Returns whether the reason is new. */
  cannotSee(source: Source['name'], reason: string): 'news' | 'known' {
    const known = this.#blind.has(source);
    this.#facts.delete(source);
    this.#blind.set(source, reason);
    return known ? 'known' : 'news';
  }

  facts(): readonly Fact[] {
    const facts = [...this.#facts.values()].flat();
    if (!this.has('pacemaker') || this.#facts.has('pacemaker')) return facts;
    const detail = this.#blind.get('pacemaker') ?? 'Pacemaker has not responded yet';
    const hosts = [...new Set(facts.map(({ host }) => host))];
    return [...facts, ...hosts.map((host): Fact => ({ source: 'pacemaker', host, state: 'unknown', at: 0, detail }))];
  }

  /** The facts of one source; none while it is blind. */
  factsOf(source: Source['name']): readonly Fact[] {
    return this.#facts.get(source) ?? [];
  }

  /** Whether the options select this source. */
  has(source: Source['name']): boolean {
    return this.#sources.includes(source);
  }

  /** The blind sources with their reasons, in the order of the options. */
  blindSources(): readonly (readonly [Source['name'], string])[] {
    return this.#sources.flatMap((source) => {
      const reason = this.#blind.get(source);
      return reason === undefined ? [] : [[source, reason] as const];
    });
  }

  /** Every source has responded and none is blind. */
  get isComplete(): boolean {
    return this.#sources.every((source) => this.#facts.has(source) && !this.#blind.has(source));
  }

  /** Every source has responded or is blind. */
  get isRead(): boolean {
    return this.#sources.every((source) => this.#facts.has(source) || this.#blind.has(source));
  }
}
