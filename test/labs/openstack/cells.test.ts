/** A second cell whose database goes away: engines in processes of their own, against a real Nova. */
import { existsSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { EngineProcess } from '#agents/demo/engine-process.ts';
import { RpcClient } from '#protocol/client.ts';
import type { RecoveryView } from '#protocol/views.ts';
import { waitUntil } from '../waiting.ts';
import { hostFailed, isOver, type LabEngines, linesOf, untilRecovery } from './engines.ts';
import type { NovaServer } from './nova.ts';
import { actionsOf, expectMoves, expectRest } from './records.ts';
import { useLab } from './suite.ts';

const suite = useLab({ computes: 1, secondCell: 2 });

const FIXTURES = join(import.meta.dirname, '../../fixtures/nova/cell-down.json');

/** Waits until the engine reports that it waits for a cell, and expects that nothing ended meanwhile. */
async function untilCellIsMissed(engine: EngineProcess, uuid: string): Promise<void> {
  const isMissed = (view: RecoveryView): boolean => /\bcell\b.*does not respond/.test(linesOf(view).join('\n'));
  const view = await untilRecovery(engine, uuid, (one) => isOver(one) || isMissed(one), 60);
  expect(view.notification).toMatchObject({ status: 'running', message: null });
  expect(isMissed(view)).toBe(true);
}

/** Nova leaves the instances of the cell out of its lists of changes: their absence shows when an evacuation is late. */
const LATE_AFTER_15_S = '[DEFAULT]\nwait_period_after_evacuation = 15\n';

/** Waits until d2 builds so many instances: nothing of Nova but the copying is under way then. */
async function untilTheyAreBuilt(count: number): Promise<void> {
  const isBuilt = (server: NovaServer): boolean => server['OS-EXT-STS:task_state'] === 'rebuild_spawning';
  const built = async () => (await suite.lab.servers({ host: 'd1' })).filter(isBuilt);
  await expect.poll(async () => (await built()).length, { timeout: 60_000 }).toBe(count);
}

/** A task between the disabling of the service and the listing of the instances, which ends when `open` is called. */
function newGate(engines: LabEngines) {
  const [reached, opened, script] = ['reached', 'opened', 'gate.sh'].map((name) => join(engines.directory, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(script, `#!/bin/sh\n: > ${reached}\nwhile [ ! -e ${opened} ]; do sleep 0.1; done\n`, { mode: 0o700 });
  const methods = `[taskflow_driver_recovery_flows]
host_auto_failure_recovery_tasks = pre:['disable_compute_service_task', 'gate'],main:['prepare_HA_enabled_instances_task'],post:['evacuate_instances_task']
[gate]
driver = executable
command = ${script}
timeout = 60
after_crash = idempotent
`;
  return {
    methods,
    reached: () => waitUntil({ what: 'the gate to be reached', seconds: 60 }, () => existsSync(reached) || undefined),
    open: () => writeFileSync(opened, ''),
  };
}

describe('a cell whose database goes away', () => {
  it('before the instances of the failed host are listed: an empty list is not believed, and they are moved once it is back', async () => {
    const { lab } = suite;
    const [other = ''] = await lab.boot(1, 'c1');
    const [active = '', stopped = ''] = await lab.boot(2, 'd1');
    await lab.stopServer(stopped);
    await using engines = suite.newEngines();
    const gate = newGate(engines);
    const engine = await engines.start('n1', { methods: gate.methods });
    await lab.killCompute('d1');
    const uuid = await hostFailed(engine, 'd1');
    await gate.reached();
    await lab.cellDatabase.cut();
    gate.open();
    await untilCellIsMissed(engine, uuid);
    await lab.cellDatabase.open();
    const { notification } = await untilRecovery(engine, uuid, isOver);
    expect(notification).toMatchObject({ status: 'finished', message: null });
    await expectMoves(lab, active, 'evacuation done');
    await expectMoves(lab, stopped, 'evacuation done');
    await expectRest(lab, active, 'd2');
    await expectRest(lab, stopped, 'd2', 'SHUTOFF');
    expect(await actionsOf(lab, other)).toEqual([]);
  });

  it('while evacuations are under way: no instance is evacuated twice, and none is lost', async () => {
    const { lab } = suite;
    const uuids = await lab.boot(3, 'd1');
    await using engines = suite.newEngines();
    const engine = await engines.start('n1', {
      configuration: `${LATE_AFTER_15_S}[host_failure]\nmax_evacuations_in_flight = 2\n`,
    });
    lab.setCopies('d2', 'wait');
    await lab.killCompute('d1');
    const uuid = await hostFailed(engine, 'd1');
    await untilTheyAreBuilt(2);
    await lab.cellDatabase.cut();
    await untilCellIsMissed(engine, uuid);
    await lab.cellDatabase.open();
    lab.setCopies('d2', 'work');
    const { notification } = await untilRecovery(engine, uuid, isOver);
    expect(notification).toMatchObject({ status: 'finished', message: null });
    for (const one of uuids) {
      await expectMoves(lab, one, 'evacuation done');
      await expectRest(lab, one, 'd2');
    }
  });

  it('when an instance is built on its new host: Nova abandons the evacuation, the recovery names it, and an operator ends it', async () => {
    const { lab } = suite;
    const [instance = ''] = await lab.boot(1, 'd1');
    await using engines = suite.newEngines();
    const engine = await engines.start('n1', { configuration: LATE_AFTER_15_S });
    lab.setCopies('d2', 'wait');
    await lab.killCompute('d1');
    const uuid = await hostFailed(engine, 'd1');
    await untilTheyAreBuilt(1);
    await lab.cellDatabase.cut();
    lab.setCopies('d2', 'work');
    await expect.poll(() => lab.runningOn(instance), { timeout: 30_000 }).toEqual(['d2']);
    // Meanwhile d2 fails to write its result, and stops retrying.
    await untilCellIsMissed(engine, uuid);
    await lab.cellDatabase.open();
    const { notification } = await untilRecovery(engine, uuid, isOver);
    const [record] = await lab.migrations({ instance_uuid: instance });
    expect(record?.status).toBe('pre-migrating');
    expect(notification.status).toBe('error');
    expect(notification.message).toContain(`${record?.uuid} to d2 is still pre-migrating`);
    expect(notification.message).toContain(`retry ${uuid} --instance ${instance} --abandon-evacuation`);
    // Nova takes the instance for one of d1, and d2 refuses to build it again ("already exists") while it has it.
    await lab.killCompute('d2');
    lab.undefine('d2', instance);
    await lab.startCompute('d2');
    expect(lab.runningOn(instance)).toEqual([]);
    using client = await RpcClient.connect(engine.socket);
    await client.call('retry', { uuid, abandoned: instance });
    const second = await untilRecovery(engine, uuid, (view) => view.notification.closed_at !== null);
    expect(second.notification.status).toBe('finished');
    await expectMoves(lab, instance, 'evacuation pre-migrating', 'evacuation done');
    await expectRest(lab, instance, 'd2');
  });

  it('has the responses of Nova that test/fixtures/nova contains', async () => {
    const { lab } = suite;
    const [uuid = ''] = await lab.boot(1, 'd1');
    const [service] = await lab.services({ binary: 'nova-compute', host: 'd1' });
    await lab.cellDatabase.cut();
    const fixtures: Record<string, Recorded> = JSON.parse(await readFile(FIXTURES, 'utf8'));
    const server = `/servers/${uuid}`;
    const requests: Record<string, [method: string, path: string, body?: unknown]> = {
      'services of a host in the cell': ['GET', '/os-services?binary=nova-compute&host=d1'],
      'instances of a host in the cell': ['GET', '/servers/detail?all_tenants=1&host=d1&limit=1000'],
      'an instance of the cell': ['GET', server],
      'evacuations from a host in the cell': ['GET', '/os-migrations?migration_type=evacuation&source_compute=d1'],
      'instance actions': ['GET', `${server}/os-instance-actions`],
      evacuate: ['POST', `${server}/action`, { evacuate: {} }],
      'change the service of a host in the cell': ['PUT', `/os-services/${service?.id}`, { forced_down: true }],
    };
    for (const [name, [method, path, body]] of Object.entries(requests)) {
      const answer = await lab.request(method, path, body);
      const recorded = fixtures[name];
      expect(answer.status, name).toBe(recorded?.status);
      expect(shapeOf(answer.body), name).toEqual(shapeOf(recorded?.body));
    }
  });
});

interface Recorded {
  readonly status: number;
  readonly body: unknown;
}

/** Field names and lengths of lists, without what the fixtures leave out. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  const kept = Object.entries(value).filter(([key]) => key !== 'links' && key !== 'hostId');
  return Object.fromEntries(kept.map(([key, one]) => [key, shapeOf(one)]).sort());
}
