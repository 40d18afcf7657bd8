/**
 * Chooses the next recovery of an instance so that no project takes the permits of the others. Pure.
 *
 * Why: a tenant can make hundreds of guests panic, or ignore the stop that Nova requests of them for minutes. Their recoveries would hold
 * every permit of the engine, and the instances of all others would stay down meanwhile.
 *
 * Invariants:
 * - recoveries of instances of one project never hold more than `limit` permits, even if projects are unknown: an instance whose project
 *   was not read yet counts for every project. As many as `limit` start without a read, so a single crash costs no call;
 * - of those that may start, the next one is of the project that holds the fewest permits, of equals the oldest;
 * - instances whose project Nova did not return share the permits of one project, so that an outage of Nova does not lift the limit.
 */
import type { LogbookRow } from '../journal/rows.ts';

export type Shared = Pick<LogbookRow, 'uuid' | 'type' | 'target' | 'status'>;

/** By the target of a recovery; null: Nova did not return it. */
export type Projects = ReadonlyMap<string, string | null>;

/** Owners that are no projects; no id of a project contains a blank. */
const NOT_READ = 'not read';
const NOT_DECLARED = 'not returned';
const PROCESSES = 'of processes';

export class ProjectShares {
  readonly #projects: Projects;
  readonly #limit: number;
  readonly #held = new Map<string, number>();
  #instances = 0;

  /** @param maxConcurrent all permits; one stays for others than a single project, if there is more than one */
  constructor(projects: Projects, maxPerProject: number, maxConcurrent: number) {
    this.#projects = projects;
    this.#limit = Math.min(maxPerProject, Math.max(1, maxConcurrent - 1));
  }

  take(one: Shared): void {
    const owner = this.#ownerOf(one);
    this.#held.set(owner, this.#heldBy(owner) + 1);
    if (one.type === 'VM') this.#instances += 1;
  }

  /** @param waiting the oldest first */
  next<T extends Shared>(waiting: readonly T[]): T | undefined {
    let found: { readonly one: T; readonly held: number } | undefined;
    for (const one of waiting) {
      const held = this.#heldBy(this.#ownerOf(one));
      if ((found === undefined || held < found.held) && this.#admits(one)) found = { one, held };
    }
    return found?.one;
  }

  /** Targets whose project decides which is next; none while there are fewer instances than one project may have. */
  toRead(instances: readonly Shared[]): readonly string[] {
    const targets = instances.filter(({ type }) => type === 'VM').map(({ target }) => target);
    return targets.length > this.#limit ? targets.filter((target) => this.#projects.get(target) === undefined) : [];
  }

  #admits(one: Shared): boolean {
    // A recovery that an engine left running had its permit before.
    if (one.type !== 'VM' || one.status === 'running') return true;
    const owner = this.#ownerOf(one);
    return (owner === NOT_READ ? this.#instances : this.#heldBy(owner) + this.#heldBy(NOT_READ)) < this.#limit;
  }

  #ownerOf({ type, target }: Shared): string {
    if (type !== 'VM') return PROCESSES;
    const project = this.#projects.get(target);
    return project === undefined ? NOT_READ : (project ?? NOT_DECLARED);
  }

  #heldBy(owner: string): number {
    return this.#held.get(owner) ?? 0;
  }
}
