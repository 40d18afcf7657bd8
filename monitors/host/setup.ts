/** From the options to what the monitor works with: its policy and its sources. */
import type { EngineOptions } from '#config/options.ts';
import type { Source } from './fact.ts';
import { readMatrixFile } from './matrix-file.ts';
import { MASAKARI_MATRIX, PACEMAKER_FENCED, type Policy } from './policy.ts';
import { createSources, sourceNames } from './sources.ts';

export interface Setup {
  readonly options: EngineOptions['hostMonitor'];
  readonly policy: Policy;
  readonly sources: readonly Source[];
  /**
   * Whether the death of a host that is back is reported; left out: it is. `silent` for a Masakari, which takes no look of its own
   * and would disable the host.
   */
  readonly lateDeaths?: 'silent';
}

/** Throws when options or files cannot be right; nothing is begun. */
export async function prepare(options: EngineOptions, node: string): Promise<Setup> {
  const policy = policyOf(options);
  const sources = await createSources(options, node);
  const isMasakari = options.transport.target === 'masakari';
  return { options: options.hostMonitor, policy, sources, ...(isMasakari ? { lateDeaths: 'silent' } : {}) };
}

function policyOf(options: EngineOptions): Policy {
  const { policy, matrixConfigFile } = options.hostMonitor;
  const asksPacemaker = sourceNames(options).includes('pacemaker');
  if (policy === 'pacemaker-fenced' && !asksPacemaker) {
    throw new Error(
      '[host] policy is pacemaker-fenced, but sources does not name pacemaker: no host could ever be dead',
    );
  }
  if (policy === 'pacemaker-fenced' || (policy === 'auto' && asksPacemaker)) return PACEMAKER_FENCED;
  return matrixConfigFile === '' ? MASAKARI_MATRIX : readMatrixFile(matrixConfigFile);
}

/** Whether a row of the policy lets a host be recovered that nothing proves dead. */
export function asksForNoProof(policy: Policy): boolean {
  return policy.name === 'matrix' && policy.rows.some(({ action, proof }) => action === 'recovery' && proof === 'none');
}
