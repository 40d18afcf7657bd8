/** What a module exports, found by loading it as a call would: in a process of its own, and nothing of it is called. */
import { faultOfFile } from '../trusted-file.ts';
import { callModule } from './module-process.ts';
import { CALLED_FUNCTIONS, type CalledFunction } from './wire.ts';

export type Examined = { readonly exports: readonly CalledFunction[] } | { readonly fault: string };

/** Loading is reading some files; whatever takes longer does something else. */
const LOAD_MS = 10_000;

/** Nothing is done to the outside by loading, so nobody's reign matters. */
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
    return { fault: `${module} was not loaded within ${limitMs / 1000} s; what takes long belongs into its functions` };
  }
  return { fault: end.end === 'lost' ? `${module} cannot be loaded: ${end.message}` : end.message };
}
