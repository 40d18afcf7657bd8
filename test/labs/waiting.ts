/** Every wait of the lab: for a condition, with an upper bound, telling what it waited for and what it last saw. */

export interface Patience {
  /** What is waited for, as the end of "waited 30 s for …". */
  readonly what: string;
  readonly seconds: number;
  /** Pause between two looks. */
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
}

/** Calls `look` until it gives something other than undefined; an error of `look` ends the wait at once. */
export async function waitUntil<T>(patience: Patience, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = performance.now() + patience.seconds * 1000;
  for (;;) {
    patience.signal?.throwIfAborted();
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() > deadline) throw new Error(`Waited ${patience.seconds} s for ${patience.what}, in vain.`);
    await new Promise((resolve) => setTimeout(resolve, patience.everyMs ?? 100));
  }
}
