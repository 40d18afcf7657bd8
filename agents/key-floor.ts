/** Keeps in the journal what this engine has seen of the key ring, so that the next one accepts nothing that is revoked or retired. */

import type { Journal } from '#engine/journal/journal.ts';
import type { Clock } from '#protocol/clock.ts';
import { parseKeyFloor } from '#protocol/identity/key-floor.ts';
import type { KeyRingFile } from '#protocol/identity/key-ring-file.ts';

/** Interval between reads of the ring while no peer connects. */
const POLL_MS = 5_000;

export interface KeyFloorParts {
  readonly journal: Pick<Journal, 'query' | 'write'>;
  readonly ring: KeyRingFile;
  readonly clock: Pick<Clock, 'now'>;
}

/** Resolves when the ring is as strict as every engine before was; then follows the ring until the signal. */
export async function keepKeyFloor({ journal, ring, clock }: KeyFloorParts, signal: AbortSignal): Promise<void> {
  let stored = await journal.query('keyFloor');
  const before = stored === undefined ? undefined : parseKeyFloor(stored);
  if (before !== undefined) ring.raise(before);
  const store = async (): Promise<void> => {
    const floor = JSON.stringify(ring.floor);
    if (floor === stored) return;
    await journal.write({ op: 'key_floor', floor, at: clock.now() });
    stored = floor;
  };
  await store();
  const timer = setInterval(() => {
    // A journal that fails ends the engine by itself.
    if (ring.current) store().catch(() => {});
  }, POLL_MS);
  timer.unref();
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}
