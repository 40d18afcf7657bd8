import { describe, expect, test } from 'vitest';
import type { Engine } from '#engine/service/engine.ts';
import { type Caller, LOCAL_CALLER } from '#protocol/caller.ts';
import { RPC_ERRORS } from '#protocol/json-rpc.ts';
import type { Peer } from '#protocol/server.ts';
import { engineMethods } from './engine-methods.ts';
import { ReportLimits } from './report-limits.ts';

const BODY = {
  notification: {
    type: 'COMPUTE_HOST',
    hostname: 'c1',
    generated_time: '2026-11-21T08:05:44.646000',
    payload: { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' },
  },
};

const PEER: Peer = {
  caller: LOCAL_CALLER,
  signal: new AbortController().signal,
  notify: () => {},
  subscribe: () => {},
};

/** What the engine is given by `notify` with these parameters: the proof and the delivery. */
async function given(params: object): Promise<readonly unknown[]> {
  let seen: readonly unknown[] = [];
  const accept = async (...[, ...rest]: Parameters<Engine['accept']>) => {
    seen = rest.slice(0, 2);
    throw new Error('it has been seen');
  };
  const limits = new ReportLimits({ reportsPerMinute: 1, reportsPerDay: 1 });
  const { notify } = engineMethods(() => ({ accept }) as unknown as Engine, { level: 'info' }, limits);
  await expect(notify?.(params, PEER)).rejects.toThrow('it has been seen');
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

test('reports of blind monitors use the share of their host: a flood of them fills no log', async () => {
  const heeded: unknown[] = [];
  const engine = {
    isSameHost: Object.is,
    heedMonitors: (...all: unknown[]) => heeded.push(all),
    audit: { refused: () => {} },
  };
  const limits = new ReportLimits({ reportsPerMinute: 2, reportsPerDay: 100 });
  const { blind } = engineMethods(() => engine as unknown as Engine, { level: 'info' }, limits);
  const caller: Caller = { identity: 'c1', host: 'c1', roles: ['host'], address: '192.0.2.1' };
  const peer: Peer = { ...PEER, caller };
  const params = { host: 'c1', seeing: [], blind: [{ monitor: 'x', reason: 'r', seconds: 1 }] };
  for (let n = 0; n < 6; n += 1) await blind?.(params, peer);
  await expect(blind?.(params, peer)).rejects.toMatchObject({ code: RPC_ERRORS.tooMany });
  expect(heeded).toHaveLength(6);
});
