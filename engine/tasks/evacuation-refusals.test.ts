/** What Nova refuses for one instance fails that instance, with Nova's words; all others are moved. */
import { describe, expect, it } from 'vitest';
import { CloudError, type CloudErrorKind } from '#openstack/cloud-error.ts';
import type { RecoveryView } from '#protocol/views.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

const REFUSALS: readonly [status: number, kind: CloudErrorKind][] = [
  [400, 'refused'],
  [403, 'unauthorized'],
  [404, 'not_found'],
  [409, 'conflict'],
  [413, 'refused'],
  [500, 'unknown'],
];
const RETRIES = 1;
const ROUNDS = 2;

async function world(configuration = ''): Promise<RecoveryWorld> {
  const here = new RecoveryWorld({
    configuration: `[host_failure]\nevacuation_retries = ${RETRIES}\nevacuation_queue_wait = 2\n${configuration}`,
  });
  for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host);
  await here.start();
  return here;
}

function counting(
  here: RecoveryWorld,
  method: 'evacuate' | 'stop' | 'resetState' | 'start',
  uuid: string,
): () => number {
  let calls = 0;
  const patched = here.cloud as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const real = patched[method]?.bind(here.cloud);
  patched[method] = async (...args) => {
    if (args[0] === uuid) calls += 1;
    return real?.(...args);
  };
  return () => calls;
}

function stateOf(view: RecoveryView, uuid: string): string | undefined {
  return view.flows.at(-1)?.instances.find((one) => one.instance_uuid === uuid)?.state;
}

describe.each(REFUSALS)('a response %i', (status, kind) => {
  const words = `You shall not pass (${status}).`;

  it('to the evacuation of one instance fails that one, after no more calls than the retries allow', async () => {
    await using here = await world();
    const [one, ...others] = Array.from({ length: 4 }, () => here.world.addInstance('c1'));
    const uuid = one?.uuid ?? '';
    here.world.refuse('evacuate', uuid, new CloudError(kind, words, { status }));
    const calls = counting(here, 'evacuate', uuid);
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification).toMatchObject({ status: 'failed', message: expect.stringContaining(words) });
    expect(stateOf(view, uuid)).toBe('failed');
    expect(others.every(({ host }) => host !== 'c1')).toBe(true);
    expect(calls()).toBeLessThanOrEqual(ROUNDS * (RETRIES + 1));
  });

  it.each([
    ['resetState', { vmState: 'paused', powerState: 3 }],
    ['stop', { vmState: 'suspended', powerState: 4 }],
  ] as const)('to %s of one instance fails that one', async (method, change) => {
    await using here = await world('[DEFAULT]\nwait_period_after_power_off = 30\n');
    const [one, ...others] = Array.from({ length: 3 }, () => here.world.addInstance('c1', change));
    const uuid = one?.uuid ?? '';
    here.world.refuse(method, uuid, new CloudError(kind, words, { status }));
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification).toMatchObject({ status: 'failed', message: expect.stringContaining(words) });
    expect(others.map(({ host, vmState }) => [host !== 'c1', vmState])).toEqual([
      [true, 'stopped'],
      [true, 'stopped'],
    ]);
    const seen = view.flows.flatMap(({ instances }) => instances.filter((each) => each.instance_uuid === uuid));
    expect(seen.at(-1)).toMatchObject({ state: 'failed', reason: expect.stringContaining(words) });
  });
});

describe('a stop that Nova refused', () => {
  it('is owed by the next round', async () => {
    await using here = await world();
    const { uuid } = here.world.addInstance('c1', { vmState: 'suspended', powerState: 4 });
    here.world.refuse('stop', uuid, new CloudError('unauthorized', 'policy', { status: 403 }));
    const recovery = await here.hostFails('c1');
    await here.until(recovery, 'error');
    here.world.permit('stop', uuid);
    expect((await here.until(recovery)).notification.status).toBe('finished');
    expect(here.world.requireInstance(uuid).vmState).toBe('stopped');
  });
});

describe('an evacuation that Nova is too busy for', () => {
  const busy = (retryAfter?: number): CloudError =>
    new CloudError('busy', 'Nova responded 429: slow down', { status: 429, ...(retryAfter ? { retryAfter } : {}) });

  it('is requested again after the time that Nova names, and counts as no attempt', async () => {
    await using here = await world();
    const { uuid } = here.world.addInstance('c1');
    here.world.refuse('evacuate', uuid, busy(40), 5);
    const calls = counting(here, 'evacuate', uuid);
    const began = here.clock.now();
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification.status).toBe('finished');
    expect(view.flows).toHaveLength(1);
    expect(calls()).toBe(6);
    expect(here.clock.now() - began).toBeGreaterThan(5 * 40_000);
  });

  it('for ever ends the round as an outage, after pauses that grow', async () => {
    await using here = await world();
    const [{ uuid }, other] = [here.world.addInstance('c1'), here.world.addInstance('c1')];
    here.world.refuse('evacuate', uuid, busy());
    const calls = counting(here, 'evacuate', uuid);
    const recovery = await here.hostFails('c1');
    const view = await here.until(recovery, 'error', 'failed');
    expect(view.notification).toMatchObject({ status: 'error', message: expect.stringContaining('slow down') });
    expect(other?.host).not.toBe('c1');
    expect(calls()).toBeLessThan(60);
    here.world.permit('evacuate', uuid);
    expect((await here.until(recovery)).notification.status).toBe('finished');
  });
});

describe('a reserved host that no cell maps', () => {
  const segment = (method: string): string =>
    `[failover_segment s]\nrecovery_method = ${method}\nhosts = c1, c2\nreserved_hosts = r1, r2\n`;

  async function withReserved(method: string): Promise<RecoveryWorld> {
    const here = await world(segment(method));
    for (const host of ['r1', 'r2']) here.world.addHost(host, 1000, { status: 'disabled' });
    here.world.unmapped.add('r1');
    return here;
  }

  it('is passed over for the next one, after one call for each instance', async () => {
    await using here = await withReserved('reserved_host');
    const { uuid } = here.world.addInstance('c1');
    const calls = counting(here, 'evacuate', uuid);
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification.status).toBe('finished');
    expect(here.world.requireInstance(uuid).host).toBe('r2');
    expect(view.flows[0]).toMatchObject({
      state: 'FAILURE',
      error: expect.stringContaining('Compute host r1 not found'),
    });
    expect(calls()).toBe(2);
  });

  it('never makes an instance pass for deleted', async () => {
    await using here = await withReserved('reserved_host');
    here.world.unmapped.add('r2');
    const { uuid } = here.world.addInstance('c1');
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification.status).toBe('failed');
    expect(view.flows.map((flow) => flow.instances.map(({ state }) => state))).toEqual([['failed'], ['failed']]);
    expect(here.world.requireInstance(uuid).host).toBe('c1');
  });

  it('leaves an instance that is deleted meanwhile to be skipped', async () => {
    await using here = await withReserved('rh_priority');
    const { uuid } = here.world.addInstance('c1');
    const evacuate = here.cloud.evacuate.bind(here.cloud);
    here.cloud.evacuate = (one, target, options) => {
      here.world.delete(one);
      return evacuate(one, target, options);
    };
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification.status).toBe('finished');
    expect(stateOf(view, uuid)).toBe('deleted');
  });
});

it('the reason of a failed evacuation is that of Nova', async () => {
  await using here = await world('[failover_segment s]\nhosts = c1\n');
  for (const [name, host] of here.world.hosts) if (name !== 'c1') host.status = 'disabled';
  const { uuid } = here.world.addInstance('c1');
  const view = await here.until(await here.hostFails('c1'));
  const reason = 'No valid host was found. There are not enough hosts available.';
  expect(view.notification.message).toContain(reason);
  expect(view.flows[0]?.instances[0]).toMatchObject({ instance_uuid: uuid, reason: expect.stringContaining(reason) });
});
