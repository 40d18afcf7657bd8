/** Guests that can be reached, on a simulated cloud with real listeners on the loopback. */
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { describe, expect, it } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

async function listening(server: Server): Promise<Server> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const LISTS = `[taskflow_driver_recovery_flows]
host_auto_failure_recovery_tasks = pre:['disable_compute_service_task'],main:['prepare_HA_enabled_instances_task'],
  post:['evacuate_instances_task','confirm_instances_reachable_task']
`;

/** c1 has two instances with an address on the loopback, and one without. */
async function worldOf(server: Server | number, options = ''): Promise<RecoveryWorld> {
  const port = typeof server === 'number' ? server : (server.address() as AddressInfo).port;
  const configuration = `${LISTS}[reachability]\nnetworks = 127.0.0.0/8\nport = ${port}\n${options}`;
  const here = new RecoveryWorld({ configuration });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  for (let count = 0; count < 2; count += 1) here.world.addInstance('c1', { addresses: ['10.0.0.5', '127.0.0.1'] });
  here.world.addInstance('c1', { addresses: ['10.0.0.6'] });
  await here.start('n1');
  return here;
}

const lines = async (here: RecoveryWorld, uuid: string): Promise<readonly string[]> => {
  const { flows } = await here.until(uuid);
  return flows.flatMap(({ events }) => events.map(({ message }) => message));
};

describe('confirm_instances_reachable_task', () => {
  it('succeeds when every instance with an address in the networks accepts a connection', async () => {
    const server = await listening(createServer((socket) => socket.destroy()));
    try {
      await using here = await worldOf(server);
      const uuid = await here.hostFails('c1');
      const messages = await lines(here, uuid);
      expect((await here.until(uuid)).notification.status).toBe('finished');
      expect(messages).toContain('Confirming that 2 of 3 instances can be reached');
      expect(messages).toContain('Confirmed that 2 instances can be reached');
      expect(messages.filter((line) => line.includes('no address in the networks'))).toHaveLength(1);
    } finally {
      server.close();
    }
  });

  it('fails and names the instances that cannot be reached', async () => {
    const server = await listening(createServer());
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    await using here = await worldOf(port, 'timeout = 30\n[confirm_instances_reachable_task]\nretries = 0\n');
    const { notification } = await here.until(await here.hostFails('c1'), 'error', 'failed');
    expect(notification.message).toMatch(/2 instances cannot be reached after 30 s: [0-9a-f-]{36}, [0-9a-f-]{36}/);
    // They were evacuated all the same, once.
    expect(Object.values(here.world.counts.accepted)).toEqual([1, 1, 1]);
  });

  it('accepts an HTTP response below 500, and no other', async () => {
    let status = 503;
    const server = await listening(createHttpServer((_, response) => response.writeHead(status).end('x')));
    try {
      const options = 'probe = http\npath = /health\ntimeout = 30\n[confirm_instances_reachable_task]\nretries = 0\n';
      await using here = await worldOf(server, options);
      const uuid = await here.hostFails('c1');
      expect((await here.until(uuid, 'error')).notification.message).toContain('2 instances cannot be reached');
      status = 302;
      expect((await here.until(uuid)).notification.status).toBe('finished');
      expect(Object.values(here.world.counts.accepted)).toEqual([1, 1, 1]);
    } finally {
      server.close();
    }
  });

  it('contacts nothing without networks, and the message names the option', async () => {
    await using here = new RecoveryWorld({ configuration: LISTS });
    for (const host of ['c1', 'c2']) here.world.addHost(host);
    here.world.addInstance('c1', { addresses: ['127.0.0.1'] });
    await here.start('n1');
    const { notification } = await here.until(await here.hostFails('c1'), 'error', 'failed');
    expect(notification.message).toContain('[reachability] networks is empty');
  });
});
