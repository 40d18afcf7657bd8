/** Creates the monitor's policy and sources from the options. */
import type { EngineOptions } from '#config/options/options.ts';
import { type ExpectedHosts, expectedHosts } from './expected-hosts.ts';
import { readMatrixFile } from './matrix-file.ts';
import { MASAKARI_MATRIX, PACEMAKER_FENCED, type Policy } from './policy.ts';
import { createSources, sourceNames } from './sources/registry.ts';
import type { Source } from './sources/source.ts';

export interface Setup {
  readonly options: EngineOptions['hostMonitor'];
  readonly policy: Policy;
  readonly sources: readonly Source[];
  readonly expected: ExpectedHosts;
  /**
   * Whether the death of a host that is back is reported; left out: it is. `silent` for a Masakari, which does not check the host
   * and would disable it.
   */
  readonly lateDeaths?: 'silent';
}

/** Throws if options or files are invalid; nothing is started. @param segmentHosts of the failover segments */
export async function prepare(
  options: EngineOptions,
  node: string,
  segmentHosts: readonly string[] = [],
): Promise<Setup> {
  const policy = policyOf(options);
  const sources = await createSources(options, node);
  const isMasakari = options.transport.target === 'masakari';
  const expected = expectedHosts(options.hostSources.inventory, segmentHosts, node);
  return { options: options.hostMonitor, policy, sources, expected, ...(isMasakari ? { lateDeaths: 'silent' } : {}) };
}

function policyOf(options: EngineOptions): Policy {
  const { policy, matrixConfigFile } = options.hostMonitor;
  const names = sourceNames(options);
  const queriesPacemaker = names.includes('pacemaker');
  if (policy === 'pacemaker-fenced' && !queriesPacemaker) {
    throw new Error(
      '[host] policy is pacemaker-fenced, but sources does not name pacemaker: no host could ever be dead',
    );
  }
  if (policy === 'pacemaker-fenced' || (policy === 'auto' && queriesPacemaker)) return PACEMAKER_FENCED;
  const matrix = matrixConfigFile === '' ? MASAKARI_MATRIX : readMatrixFile(matrixConfigFile);
  if (!names.includes('ping') && !names.includes('consul')) {
    throw new Error(
      `[host] policy is matrix, but no source (${names.join(', ')}) has networks: no host could ever be dead; add ping or consul`,
    );
  }
  return matrix;
}

/** Whether a row of the policy lets a host be recovered without a proof of its death. */
export function requiresNoProof(policy: Policy): boolean {
  return policy.name === 'matrix' && policy.rows.some(({ action, proof }) => action === 'recovery' && proof === 'none');
}
