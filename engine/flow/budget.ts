/**
 * Concurrency limits over all recoveries of the engine.
 *
 * Invariants:
 * - an owner (a failed host) may use every permit while no other owner waits;
 * - while others wait, a freed permit goes to the owner with the fewest, of equals to the one that has waited longest, until each has its
 *   share: the permits divided by the owners that hold one or wait, at least one.
 */

const NO_OWNER = '';

interface Waiter {
  readonly owner: string;
  readonly enter: () => void;
}

/** A number of permits. */
export class Budget {
  readonly #places: number;
  #free: number;
  readonly #held = new Map<string, number>();
  /** Owners that were refused a permit and poll for one, the oldest first. */
  readonly #wanting = new Set<string>();
  /** Owners that wait for a permit in `run`, in the order of their requests. */
  readonly #waiting: Waiter[] = [];

  constructor(places: number) {
    this.#places = places;
    this.#free = places;
  }

  /**
   * Takes a permit if one is free and not reserved for another owner. A refused owner counts as waiting until it takes one or withdraws.
   */
  tryTake(owner: string = NO_OWNER): boolean {
    if (this.#free <= this.#keptFrom(owner)) {
      this.#wanting.add(owner);
      return false;
    }
    this.#wanting.delete(owner);
    this.take(owner);
    return true;
  }

  /** Takes a permit if more than half of them are free: for work that is not urgent. */
  tryTakeSpare(owner: string = NO_OWNER): boolean {
    if (this.#free <= this.#places / 2) return false;
    this.take(owner);
    return true;
  }

  /** Takes a permit even if none is free: for work that is already in progress, e.g. an evacuation found running on resume. */
  take(owner: string = NO_OWNER): void {
    this.#free -= 1;
    this.#held.set(owner, this.#heldBy(owner) + 1);
  }

  /** The owner does not wait for a permit any more. */
  withdraw(owner: string): void {
    this.#wanting.delete(owner);
  }

  give(owner: string = NO_OWNER): void {
    this.#free += 1;
    const held = this.#heldBy(owner) - 1;
    if (held > 0) this.#held.set(owner, held);
    else this.#held.delete(owner);
    while (this.#free > 0) {
      const next = this.#nextWaiter();
      if (!next) return;
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      this.take(next.owner);
      next.enter();
    }
  }

  /** Runs `work` with a permit, waiting for one. Rejects with the signal's reason if it is aborted earlier. */
  async run<T>(work: () => Promise<T>, signal: AbortSignal, owner: string = NO_OWNER): Promise<T> {
    if (this.#free > 0) this.take(owner);
    else await this.#turn(owner, signal);
    try {
      return await work();
    } finally {
      this.give(owner);
    }
  }

  #turn(owner: string, signal: AbortSignal): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        const place = this.#waiting.indexOf(waiter);
        if (place >= 0) this.#waiting.splice(place, 1);
        reject(signal.reason);
      };
      const enter = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const waiter: Waiter = { owner, enter };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiter);
    });
  }

  #nextWaiter(): Waiter | undefined {
    return this.#waiting.reduce<Waiter | undefined>(
      (first, one) => (first && this.#heldBy(first.owner) <= this.#heldBy(one.owner) ? first : one),
      undefined,
    );
  }

  #heldBy(owner: string): number {
    return this.#held.get(owner) ?? 0;
  }

  /** Permits that waiting owners with precedence over this one still have to get. */
  #keptFrom(owner: string): number {
    const wanting = [...this.#wanting];
    const owners = new Set([...this.#held.keys(), ...wanting, owner]);
    const share = Math.max(1, Math.floor(this.#places / owners.size));
    const own = wanting.indexOf(owner);
    let kept = 0;
    for (const [place, other] of wanting.entries()) {
      if (other === owner) continue;
      const isBefore = own < 0 || place < own;
      const [theirs, ours] = [this.#heldBy(other), this.#heldBy(owner)];
      if (theirs < ours || (theirs === ours && isBefore)) kept += Math.max(0, share - theirs);
    }
    return kept;
  }
}

export interface Budgets {
  /** Evacuation requests in transit to the cloud (`host_failure_recovery_threads`). */
  readonly requests: Budget;
  /** Evacuations and migrations home that were requested and have not arrived (`max_evacuations_in_flight`). */
  readonly evacuations: Budget;
}
