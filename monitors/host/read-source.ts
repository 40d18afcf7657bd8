/** Polls a source once. Invariant: a source whose response has no host is blind. */
import type { Fact, Source } from './sources/source.ts';

/** Throws if nothing can be read; the message has the reason. */
export async function readSource(source: Source, signal: AbortSignal): Promise<readonly Fact[]> {
  const facts = await source.poll(signal);
  if (facts.length === 0) throw new Error('its response has no host');
  return facts;
}
