import { describe, expect, test } from 'vitest';
import { ScriptedCloud } from '#test/world/scripted-cloud.ts';

const SERVICES = 'GET /v2.1/os-services';
const compute = (host: string, change: object = {}) => {
  const service = { id: host, binary: 'nova-compute', host, status: 'enabled', state: 'up', forced_down: false };
  return { ...service, disabled_reason: null, updated_at: '2026-01-01T00:00:00.000000', ...change };
};
const control = (binary: string, host: string, state: string) => ({ ...compute(host, { state }), binary });

describe('one listing of all services', () => {
  test('has the hosts of nova-compute, and not those of other services', async () => {
    await using cloud = await ScriptedCloud.start();
    const services = [
      compute('c1'),
      compute('c2', { state: 'down' }),
      compute('c3', { state: 'down', forced_down: true }),
      control('nova-scheduler', 'controller-1', 'up'),
      control('nova-conductor', 'controller-1', 'up'),
    ];
    cloud.on(SERVICES, { json: { services } });
    expect(await cloud.client().computeHosts()).toMatchObject({
      names: ['c1', 'c2', 'c3'],
      forcedDown: ['c3'],
      silent: ['c2'],
      deadServices: [],
    });
    expect(cloud.requests(SERVICES)).toHaveLength(1);
  });

  test.each([
    ['every scheduler is down', ['nova-scheduler down', 'nova-scheduler down'], ['nova-scheduler']],
    ['one of two schedulers is down', ['nova-scheduler down', 'nova-scheduler up'], []],
    ['neither reports', ['nova-scheduler down', 'nova-conductor down'], ['nova-scheduler', 'nova-conductor']],
    ['Nova lists none of them', [], []],
  ])('names the services that evacuations need: %s', async (_, listed, deadServices) => {
    await using cloud = await ScriptedCloud.start();
    const others = listed.map((line, index) => {
      const [binary = '', state = ''] = line.split(' ');
      return control(binary, `controller-${index}`, state);
    });
    cloud.on(SERVICES, { json: { services: [compute('c1'), ...others] } });
    expect((await cloud.client().computeHosts()).deadServices).toEqual(deadServices);
  });
});
