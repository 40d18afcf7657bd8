/** Future events of the simulated cloud, in the order of time and, within a millisecond, of planning. */
interface Pending {
  readonly at: number;
  readonly order: number;
  readonly happen: () => void;
}

export class Timeline {
  #pending: Pending[] = [];
  #order = 0;

  add(at: number, happen: () => void): void {
    this.#pending.push({ at, order: this.#order++, happen });
  }

  /** Runs all events that are due, also those that they schedule. */
  catchUp(now: () => number): void {
    for (;;) {
      const time = now();
      const [next] = this.#pending.filter(({ at }) => at <= time).sort((a, b) => a.at - b.at || a.order - b.order);
      if (!next) return;
      this.#pending = this.#pending.filter((one) => one !== next);
      next.happen();
    }
  }
}
