import { it } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';
it('dbg', async () => {
  await using here = new RecoveryWorld({ configuration: '[host_failure]\naccepted_proofs = fencing, power_off\n[proof ipmi]\nkind = power_off\ncommand = /usr/bin/true {{host_name}}\n', runProof: async () => ({ state: 'unknown', detail: 'x' }) });
  for (const host of ['c1', 'c2', 'spare']) here.world.addHost(host);
  here.world.addInstance('c1');
  console.log([...here.configuration.proofs.keys()]); await here.start('n1');
  const uuid = await here.hostFails('c1');
  await here.clock.run(here.clock.sleep(5000));
  console.log(JSON.stringify(await here.clock.run(here.engine.reads.show(uuid)), null, 1).slice(0, 1500), here.logged.join('\n'));
});
