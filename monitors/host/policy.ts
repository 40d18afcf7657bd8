/**
 * The policies that facts are weighed by. What a policy lets pass as dead is evacuated: a death needs a proof unless the
 * operator wrote `proof: none` to the very row of the matrix.
 */
import type { Network, Proof } from './fact.ts';

export type Health = 'up' | 'down';

/** One row of the health matrix. */
export interface Row {
  /** In the order of the policy's networks. */
  readonly health: readonly Health[];
  readonly action: 'recovery' | 'none';
  readonly proof: 'needed' | 'none';
}

export type Policy =
  | { readonly name: 'pacemaker-fenced' }
  | { readonly name: 'matrix'; readonly networks: readonly Network[]; readonly rows: readonly Row[] };

export const PACEMAKER_FENCED: Policy = { name: 'pacemaker-fenced' };

/** Proofs for which one sight is enough: the cluster agreed on them. */
export const SETTLED_PROOFS: ReadonlySet<Proof> = new Set(['fenced', 'operator']);

/**
 * Masakari's own matrix: recovery where the storage network is down. Source: masakari-monitors,
 * hostmonitor/consul_check/matrix_manager.py.
 */
export const MASAKARI_MATRIX: Policy = {
  name: 'matrix',
  networks: ['management', 'tenant', 'storage'],
  rows: (['up', 'down'] as const).flatMap((management) =>
    (['up', 'down'] as const).flatMap((tenant) =>
      (['up', 'down'] as const).map(
        (storage): Row => ({
          health: [management, tenant, storage],
          action: storage === 'down' ? 'recovery' : 'none',
          proof: 'needed',
        }),
      ),
    ),
  ),
};
