/** `plan` from the command line of a running engine. */
import { describe, expect, it } from 'vitest';
import type { PlanView } from '#protocol/views.ts';
import { EngineWorld } from '#test/world/engine-world.ts';

describe('plan', { timeout: 60_000 }, () => {
  it('shows the start, the method, the tasks and each instance, as a table and as JSON', async () => {
    await using here = await EngineWorld.start({ engine: '[order]\nexclude_names = tmp-*\n' });
    here.world.addInstance('c1', { name: 'first', metadata: { 'instanceha:restart_priority': '900' } });
    here.world.addInstance('c1', { name: 'tmp-1' });
    await here.engine();
    const { code, stdout } = await here.run(['plan', '--host', 'c1']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Host: {7}c1\nRecovery: {3}starts at once\nMethod: {5}auto: host_auto\nTasks: {6}pre /);
    expect(stdout).toMatch(/^Instances: {2}5 evacuated, 1 left$/m);
    expect(stdout).toMatch(/^\| 1 +\| 1 +\| evacuate \| \S+ \| first +\| 900 /m);
    expect(stdout).toMatch(/^\| - +\| - +\| leave .*\| tmp-1 .*excluded by \[order\] exclude_names tmp-\*/m);
    const { hosts } = await here.json<PlanView>('plan', '--host', 'c1', '--host', 'c2');
    expect(hosts.map(({ host }) => host)).toEqual(['c1', 'c2']);
    expect(hosts[0]?.instances[0]).toMatchObject({ name: 'first', place: 1, action: 'evacuate', priority: 900 });
    expect(await here.json('list')).toEqual([]);
  });

  it.each([
    ['plan', 2, '--host HOST is missing'],
    ['plan --host not/a/host', 2, 'is no host name'],
    ['plan --host c9', 1, "the instances of host 'c9' cannot be read"],
  ])('"%s" ends with %i and the message: %s', async (line, code, message) => {
    await using here = await EngineWorld.start();
    await here.engine();
    const ended = await here.run(line.split(' '));
    expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(message)]);
  });
});
