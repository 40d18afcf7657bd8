/** Checks the order of evacuations within a host: marked instances first, and projects alternate. By the history, not by the engine. */
import type { Mutation } from '#engine/journal/mutations.ts';
import type { PlannedInstance } from './history.ts';

export class OrderWitness {
  readonly offences: string[] = [];
  readonly #instances: ReadonlyMap<string, PlannedInstance>;

  constructor(instances: readonly PlannedInstance[]) {
    this.#instances = new Map(instances.map((one) => [one.uuid, one]));
  }

  /** The evacuations of one host are planned in one commit, in the order in which they are requested. */
  onCommit(mutations: readonly Mutation[]): void {
    for (const mutation of mutations) {
      if (mutation.op !== 'plan_steps') continue;
      const planned = mutation.steps.filter(({ kind }) => kind === 'evacuate').map(({ object }) => object);
      this.#check(planned, 'planned');
    }
  }

  /**
   * The first request for each instance, of a history without troubles, interruptions and retries. Only instances of which nothing precedes
   * the evacuation.
   */
  onRequests(requested: readonly string[]): void {
    this.#check(
      requested.filter((uuid) => this.#instances.get(uuid)?.vmState !== 'paused'),
      'requested',
    );
  }

  #check(uuids: readonly string[], what: 'planned' | 'requested'): void {
    const listed = uuids.flatMap((uuid) => this.#instances.get(uuid) ?? []);
    const firstUnmarked = listed.findIndex(({ isMarked }) => !isMarked);
    if (firstUnmarked >= 0 && listed.slice(firstUnmarked).some(({ isMarked }) => isMarked)) {
      this.offences.push(`an instance without HA_Enabled is ${what} before one with it`);
    }
    // An instance that needs another step first may be overtaken by the next project.
    if (what === 'requested') return;
    for (const isMarked of [true, false]) {
      const rounds = roundsOf(listed.filter((one) => one.isMarked === isMarked));
      if (rounds.some((round, index) => round < (rounds[index - 1] ?? 0))) {
        this.offences.push('the instances of one project are planned before the first ones of another');
      }
    }
  }
}

/** For each instance, how many of its project precede it. */
function roundsOf(listed: readonly PlannedInstance[]): number[] {
  const seen = new Map<string, number>();
  return listed.map(({ project }) => {
    const round = seen.get(project) ?? 0;
    seen.set(project, round + 1);
    return round;
  });
}
