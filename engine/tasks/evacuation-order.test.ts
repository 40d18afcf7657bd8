/** The order, the phases and the exclusions of the recovery of a host, as the simulated cloud receives the calls. */
import { describe, expect, it } from 'vitest';
import { CloudError } from '#openstack/cloud-error.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';
import type { Instance } from '../cloud/cloud.ts';
import type { Engine } from '../service/engine.ts';

const PRIORITY = 'instanceha:restart_priority';
const GROUP = 'instanceha:restart_group';

class OrderWorld extends RecoveryWorld {
  /** Names of the instances, with the time of the call in ms. */
  readonly evacuated: { readonly name: string; readonly at: number }[] = [];

  constructor(configuration: string, buildMs = 2_000) {
    super({ configuration, behaviour: { rebuildMs: [buildMs, buildMs] } });
    for (const host of ['c1', 'c2']) this.world.addHost(host);
  }

  override async start(): Promise<Engine> {
    const engine = await super.start();
    const { evacuate } = this.cloud;
    this.cloud.evacuate = (uuid, ...rest) => {
      this.evacuated.push({ name: this.world.requireInstance(uuid).name, at: this.clock.now() });
      return evacuate.call(this.cloud, uuid, ...rest);
    };
    return engine;
  }

  add(name: string, metadata: Readonly<Record<string, string>> = {}, change: Partial<Instance> = {}): void {
    this.world.addInstance('c1', { name, metadata, ...change });
  }

  get names(): string {
    return this.evacuated.map(({ name }) => name).join(' ');
  }
}

const messagesOf = async (here: RecoveryWorld, uuid: string): Promise<readonly string[]> =>
  (await here.engine.reads.show(uuid)).flows.flatMap(({ events }) => events.map(({ message }) => message));

describe('the instances of a host', () => {
  it('are evacuated by their priority, one after the other where only one may be in progress', async () => {
    await using here = new OrderWorld('[host_failure]\nmax_evacuations_in_flight = 1\n');
    here.add('late', { [PRIORITY]: '10' });
    here.add('unreadable', { [PRIORITY]: 'urgent' });
    here.add('first', { [PRIORITY]: '900' });
    here.add('marked', { HA_Enabled: 'true' });
    await here.start();
    const uuid = await here.hostFails('c1');
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(here.names).toBe('marked first unreadable late');
    expect(await messagesOf(here, uuid)).toContainEqual(
      expect.stringMatching(/^Priority is no number and counts as 500: instances \S+ \("urgent"\)$/),
    );
  });

  it.each([
    ['all', ['db', 'other', 'app', 'web']],
    ['project', ['db other', 'app', 'web']],
    ['none', ['db other app web']],
  ])('with phases = %s wait until the phase before has ended', async (phases, waves) => {
    await using here = new OrderWorld(`[order]\nphases = ${phases}\n`);
    here.add('web', { [PRIORITY]: '100' });
    here.add('app', { [GROUP]: 'app' });
    here.add('db', { [GROUP]: 'db', [PRIORITY]: '900' });
    here.add('other', { [PRIORITY]: '700' }, { projectId: 'q' });
    await here.start();
    expect((await here.until(await here.hostFails('c1'))).notification.status).toBe('finished');
    const times = Map.groupBy(here.evacuated, ({ at }) => at);
    expect([...times.values()].map((wave) => wave.map(({ name }) => name).join(' '))).toEqual(waves);
  });

  it('that fail finally do not stop the phases after them', async () => {
    await using here = new OrderWorld('[order]\nphases = all\n[host_failure]\nevacuation_retries = 0\n');
    here.add('db', { [PRIORITY]: '900' });
    here.add('web');
    await here.start();
    const db = [...here.world.instances.values()].find(({ name }) => name === 'db');
    here.world.refuse('evacuate', db?.uuid ?? '', new CloudError('refused', 'no rights', { status: 403 }));
    const { flows } = await here.until(await here.hostFails('c1'), 'error');
    expect(flows[0]?.instances.map(({ name, state }) => [name, state])).toEqual([
      ['db', 'failed'],
      ['web', 'moved'],
    ]);
  });

  it('wait for the same phases in the next engine', async () => {
    await using here = new OrderWorld('[order]\nphases = all\n', 20_000);
    for (const [name, priority] of ['900', '700', '500'].entries()) here.add(`i${name}`, { [PRIORITY]: priority });
    await here.start();
    const uuid = await here.hostFails('c1');
    while (here.evacuated.length < 2) await here.clock.run(here.clock.sleep(1_000));
    here.life.kill();
    await here.start();
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(here.names).toBe('i0 i1 i2');
    const [, second = 0, third = 0] = here.evacuated.map(({ at }) => at);
    expect(third - second).toBeGreaterThanOrEqual(20_000);
    expect(here.world.counts.duplicates).toBe(0);
  });

  it('whose properties Nova hides are evacuated, and the progress names the option', async () => {
    await using here = new OrderWorld('[order]\nexclude_tags = no-ha\n');
    here.add('web');
    await here.start();
    const uuid = await here.hostFails('c1');
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(await messagesOf(here, uuid)).toContainEqual(
      expect.stringMatching(
        /^\[order\] exclude_tags excludes no instance whose properties Nova hides: instances '\S+'$/,
      ),
    );
  });

  it('that are excluded stay, with the reason in the progress, and cause no further recovery', async () => {
    await using here = new OrderWorld('[order]\nexclude_names = tmp-*\nexclude_metadata = no_ha\n');
    here.add('tmp-1');
    here.add('pinned', { no_ha: 'true' });
    here.add('web');
    await here.start();
    const uuid = await here.hostFails('c1');
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(here.names).toBe('web');
    const messages = await messagesOf(here, uuid);
    expect(messages).toContainEqual(
      expect.stringMatching(/^Left on host 'c1', excluded by \[order\] exclude_names tmp-\*: instances '[^,]+'$/),
    );
    expect(messages).toContainEqual(expect.stringContaining('excluded by [order] exclude_metadata no_ha'));
    // After the last follow-up of the host.
    await here.clock.run(here.clock.sleep(3 * 3_600_000));
    expect(await here.engine.reads.list({ limit: 10 })).toHaveLength(1);
  });
});
