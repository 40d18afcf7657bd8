/** The exports of a module, found by loading it as a call would: in a process of its own, without calling a function of it. */
import { faultOfFile } from '#protocol/trusted-path.ts';
import { callModule } from './module-process.ts';
import { CALLED_FUNCTIONS, type CalledFunction } from './wire.ts';

export type Examined = { readonly exports: readonly CalledFunction[] } | { readonly fault: string };

/** Loading reads some files; a load that takes longer does something else. */
const LOAD_MS = 10_000;

/** Loading has no effect outside, so it needs no lease. */
const NO_GUARD = { isFresh: () => true, confirm: async () => {} };

/** @param limitMs for tests. The fault completes a sentence about the module. */
export async function examineModule(module: string, limitMs = LOAD_MS): Promise<Examined> {
  const distrust = faultOfFile(module);
  if (distrust !== undefined) return { fault: distrust };
  const signal = AbortSignal.timeout(limitMs);
  const end = await callModule(
    { function: 'none', module },
    { guard: NO_GUARD, signal, log: () => {}, progress: () => {}, graceMs: 0 },
  );
  if (end.end === 'returned') {
    const names = JSON.parse(end.json) as readonly string[];
    return { exports: CALLED_FUNCTIONS.filter((name) => names.includes(name)) };
  }
  if (signal.aborted) {
    return { fault: `${module} was not loaded within ${limitMs / 1000} s; move slow code into its functions` };
  }
  return { fault: end.end === 'lost' ? `${module} cannot be loaded: ${end.message}` : end.message };
}
