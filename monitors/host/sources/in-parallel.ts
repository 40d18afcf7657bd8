/** Work on many things, so many at a time; the answers in the order of the things. */

/** `work` must end by itself and not throw for what is wrong with one thing only; what it throws ends the whole. */
export async function inParallel<Item, Answer>(
  limit: number,
  items: readonly Item[],
  work: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const answers = new Map<number, Answer>();
  const waiting = items.entries();
  const worker = async () => {
    // Shared by all workers: each takes the next thing that nobody has.
    for (const [index, item] of waiting) answers.set(index, await work(item));
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return items.map((_, index) => answers.get(index) as Answer);
}
