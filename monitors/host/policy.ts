/**
 * The policies that decide about facts. A host that a policy accepts as dead is evacuated: a death needs a proof unless the
 * operator wrote `proof: none` into that row of the matrix.
 */
import type { Network, Proof } from './sources/source.ts';

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

/** Proofs for which one poll is enough: the cluster agreed on them. */
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
