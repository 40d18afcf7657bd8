import { describe, expect, test } from 'vitest';
import type { Cloud } from '#engine/cloud/cloud.ts';
import { ScriptedCloud } from '#test/world/scripted-cloud.ts';
import type { ActGuard } from '../act-guard.ts';

const SERVICE = {
  id: 's',
  host: 'h',
  status: 'enabled',
  state: 'up',
  forcedDown: false,
  disabledReason: null,
  updatedAt: null,
} as const;
const CHANGES: [string, (cloud: Cloud) => Promise<unknown>][] = [
  ['changeService', (cloud) => cloud.changeService(SERVICE, { status: 'disabled' })],
  ['evacuate', (cloud) => cloud.evacuate('i', {})],
  ['stop', (cloud) => cloud.stop('i')],
  ['start', (cloud) => cloud.start('i')],
  ['resetState', (cloud) => cloud.resetState('i', 'error')],
  ['reboot', (cloud) => cloud.reboot('i', 'HARD')],
  ['rebuild', (cloud) => cloud.rebuild('i')],
  ['workflows.create', (cloud) => cloud.workflows.create('version: "2.0"')],
  ['workflows.begin', (cloud) => cloud.workflows.begin({ id: 'x', workflowName: 'w', inputs: {}, description: '' })],
  ['workflows.cancel', (cloud) => cloud.workflows.cancel('x', 'enough')],
  ['addHostToAggregate', (cloud) => cloud.addHostToAggregate({ id: '1', name: 'a', hosts: [] }, 'h')],
];

const ACTION = 'POST /v2.1/servers/i/action';

function changes(cloud: ScriptedCloud) {
  return cloud.seen.filter((each) => each.service === 'nova' && each.method !== 'GET');
}

describe('a lease', () => {
  test.each(CHANGES)('that is lost lets no %s out', async (_, change) => {
    await using cloud = await ScriptedCloud.start();
    const guard: ActGuard = { confirm: () => Promise.reject(new Error('the lease is lost')), isFresh: () => true };
    cloud.on('GET /v2.1/servers/i', { json: { server: { id: 'i', image: { id: 'cirros' } } } });
    await expect(change(cloud.client({ guard }))).rejects.toThrow('the lease is lost');
    expect(changes(cloud)).toEqual([]);
  });

  test.each(CHANGES)('that is not fresh when %s would leave is confirmed again first', async (_, change) => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(ACTION, { status: 202 });
    cloud.on('PUT /v2.1/os-services/s', { status: 200 });
    cloud.on('POST /v2.1/os-aggregates/1/action', { status: 200 });
    cloud.on('GET /v2.1/servers/i', { json: { server: { id: 'i', image: { id: 'cirros' } } } });
    cloud.on('POST /workflow/v2/workflows', { status: 201 });
    cloud.on('POST /workflow/v2/executions', { status: 201, json: { id: 'x', state: 'RUNNING' } });
    cloud.on('PUT /workflow/v2/executions/x', { json: {} });
    const events: string[] = [];
    const guard: ActGuard = {
      confirm: async () => void events.push('confirm'),
      isFresh: () => {
        events.push(`fresh? ${changes(cloud).length} sent`);
        return events.length > 3;
      },
    };
    const client = cloud.client({ guard });
    await change(client);
    expect(events).toEqual(['confirm', 'fresh? 0 sent', 'confirm', 'fresh? 0 sent']);
    expect(changes(cloud)).toHaveLength(1);
    // The one that was held back is not counted.
    const seen = cloud.seen.filter(({ service, path }) => service === 'nova' && path.startsWith('/v2.1/'));
    expect(client.calls.compute).toBe(seen.length);
  });

  test('that never gets fresh sends nothing and is unreachable', async () => {
    await using cloud = await ScriptedCloud.start();
    const client = cloud.client({ guard: { confirm: async () => {}, isFresh: () => false } });
    const error = { kind: 'unreachable', message: expect.stringMatching(/not sent to Nova: the right to act/) };
    await expect(client.evacuate('i', {})).rejects.toMatchObject(error);
    expect(changes(cloud)).toEqual([]);
  });

  test('that is lost between two tries stops the second', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(ACTION, { status: 429 });
    let confirmed = 0;
    const confirm = async () => {
      if (++confirmed > 1) throw new Error('the lease is lost');
    };
    await expect(cloud.client({ guard: { confirm, isFresh: () => true } }).evacuate('i', {})).rejects.toThrow(
      'is lost',
    );
    expect(changes(cloud)).toHaveLength(1);
  });

  test('whose confirmation hangs ends with the call, unsent', async () => {
    await using cloud = await ScriptedCloud.start();
    const guard: ActGuard = { confirm: () => new Promise(() => {}), isFresh: () => true };
    const client = cloud.client({ guard, options: { callTimeoutMs: 200 } });
    await expect(client.evacuate('i', {})).rejects.toMatchObject({ kind: 'unreachable' });
    expect(changes(cloud)).toEqual([]);
  });

  test('is checked after the wait for a connection, not before', async () => {
    await using cloud = await ScriptedCloud.start();
    const released = Promise.withResolvers<void>();
    cloud.on(ACTION, async () => {
      await released.promise;
      return { status: 202 };
    });
    let confirmed = 0;
    const guard: ActGuard = { confirm: async () => void confirmed++, isFresh: () => true };
    const client = cloud.client({ guard, options: { connections: 1 } });
    const first = client.evacuate('i', {});
    const second = client.evacuate('i', {});
    await expect.poll(() => cloud.requests(ACTION).length).toBe(1);
    expect(confirmed).toBe(1);
    released.resolve();
    await Promise.all([first, second]);
    expect(confirmed).toBe(2);
  });

  test('is of no concern to who only reads', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on('GET /v2.1/os-services', { json: { services: [] } });
    const guard: ActGuard = { confirm: () => Promise.reject(new Error('the lease is lost')), isFresh: () => false };
    await expect(cloud.client({ guard }).check()).resolves.toBeUndefined();
  });
});
