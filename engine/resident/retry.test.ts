import { expect, it } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

it('a retry that comes while the engine takes the recovery up by itself is refused, and disturbs nothing', async () => {
  await using here = new RecoveryWorld({ configuration: '[host_failure]\nevacuation_retries = 0' });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  here.world.addInstance('c1');
  here.world.behaviour = { ...here.world.behaviour, failedEvacuations: 1 };
  await here.start();
  const uuid = await here.hostFails('c1');
  await here.until(uuid, 'error');
  here.world.behaviour = { ...here.world.behaviour, failedEvacuations: 0 };
  // The word comes when nothing is at work yet, and is written when the flow has begun.
  const { journal } = here;
  const query = journal.query.bind(journal);
  journal.query = async (name, ...parameters) => {
    if (name === 'doubts') await here.until(uuid, 'running');
    return query(name, ...parameters);
  };
  await expect(here.clock.run(here.engine.retry(uuid, 'none'))).rejects.toThrow('is being worked on');
  const view = await here.until(uuid, 'finished', 'failed');
  expect(view.flows.map(({ state, error }) => [state, error])).toEqual([
    ['FAILURE', expect.stringContaining('Failed to evacuate')],
    ['SUCCESS', null],
  ]);
});
