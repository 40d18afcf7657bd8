/** Processes many items with limited concurrency; the results are in the order of the items. */

/** `work` must end by itself and must not throw for an error of one item only; an error that it throws ends the whole. */
export async function inParallel<Item, Answer>(
  limit: number,
  items: readonly Item[],
  work: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const answers = new Map<number, Answer>();
  const waiting = items.entries();
  const worker = async () => {
    // Shared by all workers: each takes the next item that no worker has taken.
    for (const [index, item] of waiting) answers.set(index, await work(item));
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return items.map((_, index) => answers.get(index) as Answer);
}
