/** Recovery actions on single instances, by engines in processes of their own, against a real Nova and Glance. */
import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RecoveryView } from '#protocol/views.ts';
import { waitUntil } from '../waiting.ts';
import { instanceFailed, isOver, LabEngines, linesOf, untilRecovery } from './engines.ts';
import { installPackages } from './install.ts';
import { OpenStackLab } from './lab.ts';
import type { NovaAction } from './nova.ts';

let lab: OpenStackLab;
let hasFailed = false;
let engines: LabEngines;

beforeAll(async () => {
  await installPackages();
  lab = await OpenStackLab.start({ computes: 1, images: 'glance' });
});

afterAll(async () => {
  await lab?.stop();
  // The logs of a lab in which something failed stay.
  if (lab && !hasFailed) rmSync(lab.directory, { recursive: true, force: true });
});

beforeEach(() => {
  engines = new LabEngines(lab.cloudsYaml());
});

afterEach(async ({ task }) => {
  hasFailed ||= task.result?.state === 'fail';
  await engines.end();
  if (task.result?.state !== 'fail') engines.deleteFiles();
  await lab.reset();
});

/** The task lists with one chain of actions for a failed instance. */
const chain = (actions: string): string =>
  `[taskflow_driver_recovery_flows]\ninstance_failure_recovery_tasks = pre:[],main:['heal'],post:[]\n[heal]\ndriver = recovery_action\nactions = ${actions}\n`;
const REBUILD = { methods: chain('[{name: REBUILD}]') };

async function bootFromImage(host: string): Promise<string> {
  const [uuid = ''] = await lab.boot(1, host, { image: 'tiny' });
  return uuid;
}

/** Nova's own records of the requests after the boot, oldest first. It writes the result of an event last of all. */
async function requestedOf(uuid: string): Promise<string[]> {
  const isComplete = (actions: readonly NovaAction[]): boolean =>
    actions.every(({ events }) => events.every(({ result }) => result !== null));
  const outageRetry = { what: `the events of instance ${uuid} to end`, seconds: 30 };
  const actions = await waitUntil(outageRetry, async () => {
    const found = await lab.actionsOf(uuid);
    return isComplete(found) ? found : undefined;
  });
  return actions.map(
    ({ action, events }) => `${action}: ${events.map((one) => `${one.event} ${one.result}`).join(', ')}`,
  );
}

const REBUILT = 'rebuild: rebuild_server Success, compute_rebuild_instance Success';
const REBOOTED = 'reboot: compute_reboot_instance Success';

describe.each([
  ['REBUILD', REBUILT],
  ['REBOOT', REBOOTED],
])('%s', (name, record) => {
  const methods = chain(`[{name: ${name}}]`);

  it('is done once, and the instance is active on its host', async () => {
    const uuid = await bootFromImage('c1');
    const engine = await engines.start('n1', { methods });
    const view = await untilRecovery(engine, await instanceFailed(engine, 'c1', uuid), isOver);
    expect(view.notification).toMatchObject({ status: 'finished', message: null });
    expect(await requestedOf(uuid)).toEqual([record]);
    expect(await lab.server(uuid)).toMatchObject({ status: 'ACTIVE', 'OS-EXT-SRV-ATTR:host': 'c1' });
    expect(lab.whereabouts(uuid)).toEqual(['c1']);
  });

  it('is done once though the engine is killed right after the call, before it has the response of Nova', async () => {
    const uuid = await bootFromImage('c1');
    const first = await engines.start('n1', { methods, crashPoint: 'step.after-call' });
    const notification = await instanceFailed(first, 'c1', uuid);
    expect(await first.ended()).toMatchObject({ signal: 'SIGKILL' });
    const second = await engines.start('n2', { methods });
    const view = await untilRecovery(second, notification, isOver);
    expect(view.notification).toMatchObject({ status: 'finished', message: null });
    expect(view.flows).toMatchObject([{ resumes: 1 }]);
    expect(await requestedOf(uuid)).toEqual([record]);
    expect(await lab.server(uuid)).toMatchObject({ status: 'ACTIVE', 'OS-EXT-STS:task_state': null });
  });
});

describe('a rebuild', () => {
  it('that continues while its engine is killed is awaited by the next one', async () => {
    const uuid = await bootFromImage('c1');
    lab.setCopies('c1', 'wait');
    const first = await engines.start('n1', { ...REBUILD, crashPoint: 'step.after-sent' });
    const notification = await instanceFailed(first, 'c1', uuid);
    await first.ended();
    const reads = async (): Promise<number> =>
      (await lab.seenCalls('recovery-agent')).filter(({ uri }) => uri.includes(`${uuid}/os-instance-actions`)).length;
    const before = await reads();
    const second = await engines.start('n2', REBUILD);
    await expect.poll(reads, { timeout: 60_000 }).toBeGreaterThan(before + 2);
    expect(await lab.server(uuid)).toMatchObject({ status: 'REBUILD' });
    expect((await untilRecovery(second, notification, () => true)).notification.status).toBe('running');
    lab.setCopies('c1', 'work');
    const view = await untilRecovery(second, notification, isOver);
    expect(view.notification).toMatchObject({ status: 'finished', message: null });
    expect(await requestedOf(uuid)).toEqual([REBUILT]);
    expect(await lab.server(uuid)).toMatchObject({ status: 'ACTIVE' });
  });

  it('takes an instance out of its state error, and leaves a stopped one stopped', async () => {
    const [broken, stopped] = [await bootFromImage('c1'), await bootFromImage('c1')];
    await Promise.all([lab.resetState(broken, 'error'), lab.stopServer(stopped)]);
    const engine = await engines.start('n1', REBUILD);
    const rebuild = async (uuid: string): Promise<RecoveryView> =>
      untilRecovery(engine, await instanceFailed(engine, 'c1', uuid), isOver);
    const views = await Promise.all([rebuild(broken), rebuild(stopped)]);
    expect(views.map(({ notification }) => notification.status)).toEqual(['finished', 'finished']);
    expect((await lab.server(broken)).status).toBe('ACTIVE');
    expect((await lab.server(stopped)).status).toBe('SHUTOFF');
  });

  it('of an instance without an image ends with the reason, and no request is sent to Nova', async () => {
    const [uuid = ''] = await lab.boot(1, 'c1');
    const engine = await engines.start('n1', REBUILD);
    const view = await untilRecovery(engine, await instanceFailed(engine, 'c1', uuid), isOver);
    expect(view.notification.status).toBe('error');
    expect(view.notification.message).toContain(`instance ${uuid} was not made from an image`);
    expect(await requestedOf(uuid)).toEqual([]);
  });

  it("that fails on the host ends with Nova's own words", async () => {
    const uuid = await bootFromImage('c1');
    lab.setCopies('c1', 'fail');
    const engine = await engines.start('n1', REBUILD);
    const view = await untilRecovery(engine, await instanceFailed(engine, 'c1', uuid), isOver);
    expect(view.notification.status).toBe('error');
    expect(view.notification.message).toMatch(
      /Nova's request req-\S+ ended in an error: .*the lab was told that copies fail/,
    );
    expect(linesOf(view)).toContainEqual(expect.stringMatching(new RegExp(`^REBUILD of '${uuid}' failed: `)));
    expect((await lab.server(uuid)).status).toBe('ERROR');
  });

  it("that Nova refuses ends with Nova's own words", async () => {
    const uuid = await bootFromImage('c1');
    await lab.pause(uuid);
    const engine = await engines.start('n1', REBUILD);
    const view = await untilRecovery(engine, await instanceFailed(engine, 'c1', uuid), isOver);
    expect(view.notification.message).toContain(`Cannot 'rebuild' instance ${uuid} while it is in vm_state paused`);
    expect(await requestedOf(uuid)).toEqual(['pause: compute_pause_instance Success']);
  });
});
