/** What Nova does to the engine's calls in a history: requests that are lost, late or fail, and a cell that does not answer. */

import type { Agenda } from '#agents/scenario/agenda.ts';
import type { Accepted } from '#engine/cloud/call.ts';
import { CloudError } from '#openstack/cloud-error.ts';
import type { CallOutcome } from './history.ts';
import type { ModelWorld } from './model-world.ts';

/** How long a cell does not answer. */
const CELL_MS = 60_000;
const FIRST_CELL = 'cell1';
/** In Nova's queue, within evacuation_queue_wait. */
const LATE_MS = 100_000;
/** A decision is made from a read that is no older. */
const READ_MS = 2_000;

export class NovaTroubles {
  /** Requests that nothing supports. */
  readonly offences: string[] = [];
  readonly #here: ModelWorld;
  readonly #agenda: Agenda;
  readonly #outcomes: readonly CallOutcome[];
  #evacuations = 0;
  #silences = 0;
  #silentSince = 0;

  constructor(here: ModelWorld, agenda: Agenda, outcomes: readonly CallOutcome[]) {
    this.#here = here;
    this.#agenda = agenda;
    this.#outcomes = outcomes;
  }

  silence(): void {
    const { world, clock } = this.#here;
    if (this.#silences === 0) this.#silentSince = clock.now();
    this.#silences += 1;
    world.cellDown(FIRST_CELL);
    this.#agenda.later(CELL_MS, () => {
      this.#silences -= 1;
      if (this.#silences === 0) world.cellUp(FIRST_CELL);
    });
  }

  /** What is requested of an instance of which Nova knows nothing is not requested on evidence. */
  onRequest(method: string, uuid: string): void {
    const { world, clock } = this.#here;
    if (!world.isNotListed({ uuid }) || clock.now() - this.#silentSince <= READ_MS) return;
    this.offences.push(`${method} was requested although the cell does not answer`);
  }

  /** Carries an evacuation out as the history has it. */
  async evacuate(uuid: string, carryOut: () => Promise<Accepted>): Promise<Accepted> {
    const { world } = this.#here;
    const outcome = this.#outcomes[this.#evacuations] ?? 'accepted';
    this.#evacuations += 1;
    const lost = new CloudError('unknown', 'the reply did not come');
    if (outcome === 'late') this.#agenda.later(LATE_MS, () => this.#evacuateLate(uuid));
    if (outcome === 'lost' || outcome === 'late') throw lost;
    const { behaviour } = world;
    if (outcome === 'fails') world.behaviour = { ...behaviour, failedEvacuations: 1 };
    const accepted = await carryOut().finally(() => {
      world.behaviour = behaviour;
    });
    if (outcome === 'reply lost') throw lost;
    return accepted;
  }

  #evacuateLate(uuid: string): void {
    const { world } = this.#here;
    world.catchUp();
    try {
      world.evacuate(uuid, undefined);
    } catch (error) {
      // Nova refuses it by then, and no caller waits for the reply.
      if (!(error instanceof CloudError)) throw error;
    }
  }
}
