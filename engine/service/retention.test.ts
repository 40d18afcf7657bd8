/** The engine removes closed recoveries that the retention does not keep, while it works. */
import { expect, it } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

it('more closed recoveries than the bound are removed, the oldest first, and open ones stay', async () => {
  await using here = new RecoveryWorld({
    configuration: '[engine]\nbeat_interval = 60\nlease_timeout = 900\n[journal]\nretention_count = 1000\n',
  });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  await here.start();
  const report = (host: string) =>
    here.notify({ type: 'PROCESS', hostname: host, payload: { event: 'STOPPED', process_name: 'libvirtd' } });
  const [first] = [await report('h0')];
  for (let n = 1; n < 1100; n += 1) await report(`h${n}`);
  here.world.behaviour = { ...here.world.behaviour, isAway: true };
  const open = await here.hostFails('c1');
  await here.clock.run(here.clock.sleep(300_000));
  const left = await here.clock.run(here.engine.reads.list({ limit: 10_000 }));
  expect(left.filter(({ closed_at }) => closed_at !== null)).toHaveLength(1000);
  expect(left.some(({ uuid }) => uuid === first)).toBe(false);
  expect(left[0]?.uuid).toBe(open);
  expect((await here.clock.run(here.engine.reads.status())).counts).toMatchObject({ finished: 1000 });
});
