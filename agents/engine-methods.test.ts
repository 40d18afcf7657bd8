import { describe, expect, test } from 'vitest';
import type { Engine } from '#engine/resident/engine.ts';
import type { Peer } from '#protocol/server.ts';
import { engineMethods } from './engine-methods.ts';

const BODY = {
  notification: {
    type: 'COMPUTE_HOST',
    hostname: 'c1',
    generated_time: '2026-11-21T08:05:44.646000',
    payload: { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' },
  },
};

/** What the engine is given by `notify` with these parameters: the proof and the delivery. */
async function given(params: object): Promise<readonly unknown[]> {
  let seen: readonly unknown[] = [];
  const accept = async (...[, ...rest]: Parameters<Engine['accept']>) => {
    seen = rest;
    throw new Error('it has been seen');
  };
  const { notify } = engineMethods(() => ({ accept }) as unknown as Engine, { level: 'info' });
  await expect(notify?.(params, {} as Peer)).rejects.toThrow('it has been seen');
  return seen;
}

describe('a notification', () => {
  test('comes with the proof of a fencing and the facts of its delivery beside it', async () => {
    const delivery = { age_seconds: 7, attempts: 2 };
    expect(await given({ ...BODY, delivery, proof: 'fencing' })).toEqual(['fencing', { ageSeconds: 7, attempts: 2 }]);
    expect(await given({ ...BODY, proof: 'fencing' })).toEqual(['fencing', undefined]);
    expect(await given(BODY)).toEqual(['none', undefined]);
  });

  test.each(['none', 'operator', 'witnessed', '', 7, null, { kind: 'fencing' }, ['fencing']])(
    'is refused for no proof that counts for nothing: %j',
    async (proof) => {
      expect(await given({ ...BODY, proof })).toEqual(['none', undefined]);
    },
  );
});
