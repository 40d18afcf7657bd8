/** Every wait of a lab: for a condition, with an upper bound; its error names the condition and the last state. */

export interface OutageRetry {
  /** What is waited for, as the end of "waited 30 s for …". */
  readonly what: string;
  readonly seconds: number;
  /** Interval between two polls. */
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
}

/** Calls `look` until it gives something other than undefined; an error of `look` ends the wait at once. */
export async function waitUntil<T>(
  outageRetry: OutageRetry,
  read: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = performance.now() + outageRetry.seconds * 1000;
  for (;;) {
    outageRetry.signal?.throwIfAborted();
    const seen = await read();
    if (seen !== undefined) return seen;
    if (performance.now() > deadline)
      throw new Error(`Waited ${outageRetry.seconds} s for ${outageRetry.what}, in vain.`);
    await new Promise((resolve) => setTimeout(resolve, outageRetry.everyMs ?? 100));
  }
}

/** Waits for something that comes by itself, with an upper bound. */
export async function within<T>(seconds: number, what: string, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`Waited ${seconds} s for ${what}, in vain.`)), seconds * 1000);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
