/** Tools match on the texts of progress, so they are compared with the responses of a real Masakari 14. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

interface Sample {
  readonly notification: {
    readonly recovery_workflow_details: readonly {
      readonly name: string;
      readonly progress_details: readonly { readonly message: string; readonly progress: string }[];
    }[];
  };
}

type Line = readonly [action: string, message: string, progress: number];

/** UUIDs and their order are of one run; everything else must be equal to the letter. */
function withoutUuids(message: string): string {
  const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
  return message.replace(new RegExp(`${uuid}(,${uuid})+`, 'g'), 'UUIDS').replace(new RegExp(uuid, 'g'), 'UUID');
}

function sample(name: string): Line[] {
  const path = new URL(`../../test/fixtures/masakari/${name}.json`, import.meta.url);
  const { notification }: Sample = JSON.parse(readFileSync(path, 'utf8'));
  return notification.recovery_workflow_details.flatMap(({ name: action, progress_details }) =>
    progress_details.map(({ message, progress }): Line => [action, withoutUuids(message), Number(progress)]),
  );
}

async function ours(here: RecoveryWorld, uuid: string): Promise<Line[]> {
  const view = await here.until(uuid);
  expect(view.notification.status).toBe('finished');
  return view.flows.flatMap(({ events }) =>
    events.map(({ action, message, progress }): Line => [action ?? '', withoutUuids(message), progress]),
  );
}

describe('the progress of a recovery has the texts of Masakari', () => {
  it('for a host with 20 instances', async () => {
    await using here = new RecoveryWorld();
    for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host);
    for (let n = 0; n < 20; n += 1) here.world.addInstance('c1', { metadata: { HA_Enabled: 'True' } });
    await here.start();
    expect(await ours(here, await here.hostFails('c1'))).toEqual(sample('notification-COMPUTE_HOST-w1-b4-20'));
  });

  it('for an instance', async () => {
    await using here = new RecoveryWorld();
    here.world.addHost('c1');
    const { uuid } = here.world.addInstance('c1', { metadata: { HA_Enabled: 'True' } });
    await here.start();
    const payload = { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: uuid };
    const notification = await here.notify({ type: 'VM', hostname: 'c1', payload });
    expect(await ours(here, notification)).toEqual(sample('notification-VM'));
  });

  it('for a process', async () => {
    await using here = new RecoveryWorld();
    here.world.addHost('c3');
    await here.start();
    const payload = { event: 'STOPPED', process_name: 'nova-compute' };
    const notification = await here.notify({ type: 'PROCESS', hostname: 'c3', payload });
    expect(await ours(here, notification)).toEqual(sample('notification-PROCESS'));
  });
});
