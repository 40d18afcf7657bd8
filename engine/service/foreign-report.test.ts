/** A host that reports an instance of another host under its own name. */
import { expect, test } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';
import type { Driver } from '../task-drivers/driver.ts';

const CONFIGURATION = `[instance_failure]
process_all_instances = true
[taskflow_driver_recovery_flows]
instance_failure_recovery_tasks = pre:['note', 'stop_instance_task'],main:['start_instance_task'],post:[]
[note]
driver = executable
command = /bin/note
`;

test('has no task of the list run for it, not even those before the instance is stopped', async () => {
  const reported: unknown[] = [];
  const notify: Driver = {
    steps: 'one',
    run: async ({ context }) => {
      reported.push(context.inputs.instance_uuid);
      return {};
    },
  };
  await using here = new RecoveryWorld({ configuration: CONFIGURATION, drivers: async () => notify });
  for (const host of ['c1', 'evil']) here.world.addHost(host);
  const { uuid } = here.world.addInstance('c1');
  await here.start();
  const payload = { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: uuid };
  const view = await here.until(await here.notify({ type: 'VM', hostname: 'evil', payload }));
  expect(view.notification.status).toBe('ignored');
  expect(reported).toEqual([]);
});
