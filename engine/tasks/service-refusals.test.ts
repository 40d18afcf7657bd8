/** Tasks that change a compute service, when Nova refuses or does not answer. */
import { describe, expect, it } from 'vitest';
import { CloudError } from '#openstack/cloud-error.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

async function place(configuration = ''): Promise<RecoveryWorld> {
  const here = new RecoveryWorld({ configuration });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  await here.start();
  return here;
}

const processFails = (here: RecoveryWorld): Promise<string> =>
  here.notify({ type: 'PROCESS', hostname: 'c1', payload: { event: 'STOPPED', process_name: 'nova-compute' } });
const error = (kind: CloudError['kind'], status: number, words: string) =>
  new CloudError(kind, `Nova responded ${status} to PUT: ${words}`, { status });

/** Nova's answer to a change of a service. Returns when the calls were made. */
function answers(here: RecoveryWorld, answer: (nth: number) => Error | undefined): number[] {
  const times: number[] = [];
  const change = here.cloud.changeService.bind(here.cloud);
  here.cloud.changeService = async (...call) => {
    times.push(here.clock.boottime());
    const error = answer(times.length);
    if (error) throw error;
    return change(...call);
  };
  return times;
}

/** Hosts whose services Nova leaves out of its list. */
function notListed({ cloud }: RecoveryWorld, hosts: () => readonly string[]): void {
  const real = cloud.computeService.bind(cloud);
  cloud.computeService = async (host, options) => (hosts().includes(host) ? undefined : real(host, options));
}

describe('a compute service', () => {
  it('that Nova does not list is waited for', async () => {
    await using here = await place();
    const until = here.clock.now() + 60_000;
    notListed(here, () => (here.clock.now() < until ? ['c1'] : []));
    const view = await here.until(await processFails(here));
    expect(view.notification.status).toBe('finished');
    const lines = view.flows.flatMap(({ events }) => events.map(({ message }) => message));
    expect(lines.join()).toMatch(/Waiting: Nova has no nova-compute service on host 'c1'/);
  });

  it.each([
    ['is refused by policy', error('unauthorized', 403, "Policy doesn't allow it")],
    ['is not found by Nova', error('not_found', 404, 'Service 7 not found')],
    ['is refused as malformed', error('refused', 400, 'no')],
  ])('whose change %s fails the recovery with the words of Nova', async (_, answer) => {
    await using here = await place();
    const calls = answers(here, () => answer);
    const view = await here.until(await processFails(here));
    expect(view.notification).toMatchObject({ status: 'failed', message: expect.stringContaining(answer.message) });
    expect(calls).toHaveLength(2);
  });

  it('whose change gets a 500 for ever is changed with growing intervals, and a bounded number of times', async () => {
    await using here = await place();
    const calls = answers(here, () => error('unknown', 500, 'Unexpected API Error'));
    const uuid = await processFails(here);
    const view = await here.until(uuid, 'error');
    expect(view.notification.message).toMatch(/Failed to disable service nova-compute: Nova responded 500/);
    const pauses = calls.slice(1).map((time, index) => (time - (calls[index] ?? 0)) / 1000);
    expect(pauses).toEqual([1, 2, 4, 8, 16, 30, 30, 30, 30]);
    expect((await here.until(uuid)).notification.status).toBe('failed');
    expect(calls).toHaveLength(20);
  });

  it('whose change is lost for some minutes is changed in the end', async () => {
    await using here = await place();
    const calls = answers(here, (nth) => (nth <= 8 ? error('unknown', 500, 'read-only database') : undefined));
    expect((await here.until(await processFails(here))).notification.status).toBe('finished');
    expect(calls).toHaveLength(9);
  });

  it('whose change a gateway does not pass on is no failure of the recovery', async () => {
    await using here = await place();
    answers(here, () => error('unknown', 504, 'Gateway Timeout'));
    const uuid = await processFails(here);
    await here.until(uuid, 'error');
    // Two rounds that fail for the work's sake would be over.
    await here.clock.run(here.clock.sleep(600_000));
    expect((await here.engine.reads.show(uuid)).notification.status).not.toBe('failed');
  });
});

describe('a reserved host', () => {
  const SEGMENT = '[failover_segment s]\nrecovery_method = reserved_host\nhosts = c1, c2\nreserved_hosts = r1, r2\n';

  async function segment(): Promise<RecoveryWorld> {
    const here = await place(SEGMENT);
    for (const host of ['r1', 'r2']) here.world.addHost(host, 10, { status: 'disabled', disabledReason: 'reserved' });
    here.world.addInstance('c1');
    return here;
  }

  it('of which Nova shows no service is not waited for: the next one takes the instances', async () => {
    await using here = await segment();
    notListed(here, () => ['r1']);
    const from = here.clock.now();
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification.status).toBe('finished');
    expect([...here.world.instances.values()].map(({ host }) => host)).toEqual(['r2']);
    expect(view.flows[0]?.error).toMatch(/reserved host 'r1' cannot be used: Nova has no nova-compute service/);
    expect(here.clock.now() - from).toBeLessThan(60_000);
  });

  it("that Nova does not let us enable is replaced by the next one, with Nova's reason", async () => {
    await using here = await segment();
    const change = here.cloud.changeService.bind(here.cloud);
    here.cloud.changeService = async (service, ...rest) => {
      if (service.host === 'r1') throw error('unauthorized', 403, "Policy doesn't allow it");
      return change(service, ...rest);
    };
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification.status).toBe('finished');
    expect([...here.world.instances.values()].map(({ host }) => host)).toEqual(['r2']);
    expect(view.flows[0]?.error).toMatch(/403.*Policy/);
  });

  it('none of which Nova shows: the recovery waits as for an outage, and uses the first that shows', async () => {
    await using here = await segment();
    let hidden = ['r1', 'r2'];
    notListed(here, () => hidden);
    const uuid = await here.hostFails('c1');
    await here.until(uuid, 'error');
    await here.clock.run(here.clock.sleep(300_000));
    hidden = ['r1'];
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect([...here.world.instances.values()].map(({ host }) => host)).toEqual(['r2']);
  });
});
