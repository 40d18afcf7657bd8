/**
 * The newest facts of every source, and which sources cannot see.
 *
 * Invariant: of a source that cannot see nothing is known; what it said before counts no more.
 */
import type { Fact, Source } from './fact.ts';

export class Board {
  readonly #facts = new Map<Source['name'], readonly Fact[]>();
  readonly #blind = new Map<Source['name'], string>();
  readonly #sources: readonly Source['name'][];

  constructor(sources: readonly Source['name'][]) {
    this.#sources = sources;
  }

  /** All that a source sees. */
  put(source: Source['name'], facts: readonly Fact[]): void {
    this.#facts.set(source, facts);
    this.#blind.delete(source);
  }

  /** What a source has learned of some hosts. */
  add(source: Source['name'], news: readonly Fact[]): void {
    const isReplaced = (old: Fact) => news.some(({ host, network }) => host === old.host && network === old.network);
    const kept = (this.#facts.get(source) ?? []).filter((old) => !isReplaced(old));
    this.#facts.set(source, [...kept, ...news]);
  }

  /** Returns whether that is news. */
  cannotSee(source: Source['name'], reason: string): 'news' | 'known' {
    const known = this.#blind.has(source);
    this.#facts.delete(source);
    this.#blind.set(source, reason);
    return known ? 'known' : 'news';
  }

  facts(): readonly Fact[] {
    return [...this.#facts.values()].flat();
  }

  get isComplete(): boolean {
    return this.#sources.every((source) => this.#facts.has(source));
  }

  /** Something is known from where it matters most: from Pacemaker where it is asked, else from any source. */
  get sees(): boolean {
    return this.#sources.includes('pacemaker') ? this.#facts.has('pacemaker') : this.#facts.size > 0;
  }

  /**
   * Why the monitor is blind, if it is: Pacemaker, where it is asked, cannot be asked or can tell nothing of any host; else
   * all sources are blind.
   */
  blindness(): string | undefined {
    const reasons = this.#sources.flatMap((source) => {
      const reason = this.#blind.get(source);
      return reason === undefined ? [] : [`${source}: ${reason}`];
    });
    if (!this.#sources.includes('pacemaker')) {
      return reasons.length > 0 && reasons.length === this.#sources.length ? reasons.join('; ') : undefined;
    }
    const reason = this.#blind.get('pacemaker');
    if (reason !== undefined) return `Pacemaker: ${reason}`;
    const facts = this.#facts.get('pacemaker');
    const [first] = facts ?? [];
    if (facts?.length === 0) {
      return 'Pacemaker has no node that is a compute host; see [host] pacemaker_node_type, restrict_to_remotes, compute_hosts';
    }
    return facts !== undefined && first !== undefined && facts.every(({ says }) => says === 'unknown')
      ? `Pacemaker can tell nothing of any host: ${first.detail}`
      : undefined;
  }
}
