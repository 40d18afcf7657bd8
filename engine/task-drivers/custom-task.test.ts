import { describe, expect, it } from 'vitest';
import type { RecoveryView } from '#protocol/views.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';
import { InDoubt, NotDone, SkipRecovery, TaskFailure } from '../flow/outcome.ts';
import type { Values } from '../flow/plan.ts';
import type { CheckResult, Driver, DriverCall } from './driver.ts';

/** A driver that does what the test specifies, and stores its calls. */
class Played implements Driver {
  readonly steps = 'one';
  readonly calls: { readonly what: 'run' | 'check' | 'undo'; readonly call: DriverCall }[] = [];
  run: (call: DriverCall) => Promise<Values>;
  readonly check: (call: DriverCall) => Promise<CheckResult>;

  constructor(
    run: (call: DriverCall) => Promise<Values> = async () => ({}),
    check?: CheckResult | ((call: DriverCall) => Promise<CheckResult>),
  ) {
    this.run = async (call) => {
      this.calls.push({ what: 'run', call });
      return run(call);
    };
    this.check = async (call) => {
      this.calls.push({ what: 'check', call });
      return typeof check === 'function' ? check(call) : (check ?? { state: 'unknown', reason: 'no outcome is set' });
    };
  }

  undo = async (call: DriverCall): Promise<void> => {
    this.calls.push({ what: 'undo', call });
  };

  get requested(): string[] {
    return this.calls.map(({ what, call }) => `${what} ${call.task} ${call.attempt}`);
  }
}

/** Its run starts and continues until the engine ends. */
function hanging(): { readonly run: (call: DriverCall) => Promise<Values>; readonly began: Promise<void> } {
  const began = Promise.withResolvers<void>();
  const run = ({ context }: DriverCall) =>
    new Promise<Values>((_, reject) => {
      context.signal.addEventListener('abort', () => reject(new Error('cut off')), { once: true });
      began.resolve();
    });
  return { run, began: began.promise };
}

const LISTS = `[taskflow_driver_recovery_flows]
host_auto_failure_recovery_tasks = pre:['disable_compute_service_task'],main:['prepare_HA_enabled_instances_task'],
  post:['evacuate_instances_task','alert']
`;

async function world(driver: Driver, alert = '', lists = LISTS): Promise<RecoveryWorld> {
  const command = alert.startsWith('command') ? '' : 'command = /bin/true\n';
  const configuration = `${lists}[alert]\ndriver = executable\n${command}${alert}`;
  const here = new RecoveryWorld({ configuration, drivers: async () => driver });
  for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host);
  here.world.addInstance('c1', { name: 'web', userId: 'ann' });
  here.world.addInstance('c1', { name: 'db', userId: 'bob', vmState: 'stopped' });
  await here.start('n1');
  return here;
}

const outcome = ({ notification, flows }: RecoveryView): string[] => [
  notification.status,
  ...flows.map(({ state, tasks }) => `${state}: ${tasks.map((task) => `${task.name} ${task.state}`).at(-1)}`),
];

describe('a custom task', () => {
  it('gets its values filled in, and gives what it promised to the tasks after it', async () => {
    const driver = new Played(async ({ task }) =>
      task === 'alert' ? { ticket: { id: 7 }, more: 'not promised' } : {},
    );
    await using here = await world(
      driver,
      `command = /bin/alert {{ host_name }} "{{ recovered_instances.count }} moved" x{{ instances.name }}
provides = ticket, nothing
severity = {{ instances.count }}
[after]
driver = executable
command = /bin/after {{ ticket.id }}
requires = recovered_instances, nothing
`,
      LISTS.replace("'alert'", "'alert','after'"),
    );
    const uuid = await here.hostFails('c1');
    expect(outcome(await here.until(uuid))).toEqual(['finished', 'SUCCESS: after SUCCESS']);
    const [alert, after] = driver.calls.map(({ call }) => call);
    expect(alert).toMatchObject({
      task: 'alert',
      phase: 'post',
      stepKey: `${uuid}/alert`,
      attempt: 1,
      isResumed: false,
      options: { command: ['/bin/alert', 'c1', '2 moved', 'xweb, db'] },
      parameters: { severity: 2 },
      inputs: { host_name: 'c1', notification_uuid: uuid, reserved_host: null },
    });
    expect(Object.keys(alert?.inputs ?? {})).not.toContain('instances');
    expect(after?.options.command).toEqual(['/bin/after', '7']);
    expect(after?.inputs).toMatchObject({
      nothing: null,
      recovered_instances: [
        { name: 'web', user_id: 'ann', vm_state: 'active', host: 'c1', new_host: expect.stringMatching(/c[23]/) },
        { name: 'db', user_id: 'bob', vm_state: 'stopped' },
      ],
    });
  });

  it('is left out when its condition does not hold, and gives nothing then', async () => {
    const driver = new Played();
    await using here = await world(driver, 'when = instances.count > 2\nprovides = ticket\n');
    const view = await here.until(await here.hostFails('c1'));
    expect(outcome(view)).toEqual(['finished', 'SUCCESS: alert SUCCESS']);
    expect(driver.requested).toEqual([]);
    expect(view.flows[0]?.events.at(-1)?.message).toBe('Skipped: instances.count > 2 does not hold');
  });

  it.each([
    ['abort', 'error', 'FAILURE'],
    ['continue', 'finished', 'SUCCESS'],
    ['rollback', 'error', 'REVERTED'],
  ])('that fails with on_failure = %s leaves the recovery %s', async (policy, status, state) => {
    const driver = new Played(async () => {
      throw new TaskFailure('it broke');
    });
    await using here = await world(driver, `on_failure = ${policy}\nretries = 1\nundo = true\n`);
    const view = await here.until(await here.hostFails('c1'), 'error', 'finished');
    expect(view.notification.status).toBe(status);
    expect(view.notification.message).toMatch(/alert: it broke/);
    expect(view.flows[0]?.state).toBe(state);
    const runs = ['run alert 1', 'run alert 2'];
    expect(driver.requested).toEqual(policy === 'rollback' ? [...runs, 'undo alert 1'] : runs);
  });

  it('can end the recovery well', async () => {
    const driver = new Played(async () => {
      throw new SkipRecovery('there is a maintenance');
    });
    await using here = await world(
      driver,
      '',
      LISTS.replace("post:['evacuate_instances_task','alert']", "post:['alert','evacuate_instances_task']"),
    );
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification).toMatchObject({ status: 'finished', message: 'there is a maintenance' });
    expect(here.world.counts.accepted).toEqual({});
  });

  it('that gives too much is refused, in doubt: it was done', async () => {
    const driver = new Played(async () => ({ ticket: 'x'.repeat(300_000) }));
    await using here = await world(driver, 'provides = ticket\n');
    const view = await here.until(await here.hostFails('c1'), 'failed');
    expect(view.notification.message).toMatch(/its outputs have 3000\d\d bytes, more than 262144/);
  });

  it('that hangs is ended when it times out', async () => {
    await using here = await world(new Played(hanging().run), 'timeout = 7\n');
    const view = await here.until(await here.hostFails('c1'), 'error');
    expect(view.notification.message).toBe('alert: timed out after 7 s');
    // It may have done its work before that: nothing but an operator's word has it run again.
    const end = await here.until(view.notification.notification_uuid, 'failed');
    expect(end.notification.message).toMatch(/alert: .*its outcome is unknown/);
  });
});

describe('a custom task whose time was up', () => {
  it('is checked in the next attempt, and is reported as timed out if its check does not know the outcome', async () => {
    const driver = new Played(hanging().run, { state: 'unknown', reason: 'no idea' });
    await using here = await world(driver, 'timeout = 7\nretries = 1\nafter_crash = check\n');
    const view = await here.until(await here.hostFails('c1'), 'failed', 'error');
    expect(view.notification.message).toBe(
      'alert: timed out after 7 s, and its check does not know the outcome: no idea',
    );
    expect(driver.requested).toEqual(['run alert 1', 'check alert 2']);
  });

  it('runs again when its check reports that it was not done', async () => {
    const driver = new Played(hanging().run, { state: 'not done' });
    await using here = await world(driver, 'timeout = 7\nretries = 1\nafter_crash = check\n');
    const view = await here.until(await here.hostFails('c1'), 'failed', 'error');
    expect(view.notification.message).toBe('alert: timed out after 7 s');
    expect(driver.requested).toEqual(['run alert 1', 'check alert 2', 'run alert 2']);
  });

  it('reports so in the next round too', async () => {
    const driver = new Played(hanging().run, { state: 'unknown', reason: 'no idea' });
    await using here = await world(driver, 'timeout = 7\nafter_crash = check\n');
    const uuid = await here.hostFails('c1');
    await here.until(uuid, 'error');
    const view = await here.until(uuid, 'failed');
    expect(view.notification.message).toBe(
      'alert: timed out after 7 s, and its check does not know the outcome: no idea',
    );
    expect(driver.requested).toEqual(['run alert 1', 'check alert 1']);
  });
});

/** Runs until the task hangs in the first engine, which is then stopped; a second engine continues. */
async function cutOff(driver: Played, here: RecoveryWorld, began: Promise<void>): Promise<string> {
  const uuid = await here.hostFails('c1');
  await here.clock.run(began);
  await here.clock.run(here.engine.stop());
  driver.run = async (call) => {
    driver.calls.push({ what: 'run', call });
    return { ticket: 'second' };
  };
  await here.start('n2');
  return uuid;
}

describe('a custom task that was cut off', () => {
  it('runs again with the same key when it is idempotent', async () => {
    const { run, began } = hanging();
    const driver = new Played(run);
    await using here = await world(driver, 'after_crash = idempotent\n');
    const uuid = await cutOff(driver, here, began);
    expect(outcome(await here.until(uuid))).toEqual(['finished', 'SUCCESS: alert SUCCESS']);
    expect(driver.requested).toEqual(['run alert 1', 'run alert 1']);
    expect(driver.calls.map(({ call }) => [call.stepKey, call.isResumed])).toEqual([
      [`${uuid}/alert`, false],
      [`${uuid}/alert`, true],
    ]);
  });

  it.each<[string, CheckResult, string[], string[]]>([
    ['was done', { state: 'done', outputs: { ticket: 1 } }, ['check alert 1'], ['finished', 'SUCCESS: alert SUCCESS']],
    ['was not', { state: 'not done' }, ['check alert 1', 'run alert 1'], ['finished', 'SUCCESS: alert SUCCESS']],
    ['is unknown', { state: 'unknown', reason: 'no idea' }, ['check alert 1'], ['failed', 'FAILURE: alert FAILURE']],
  ])('is checked: %s', async (_, decision, requested, ends) => {
    const { run, began } = hanging();
    const driver = new Played(run, decision);
    await using here = await world(driver, 'after_crash = check\n');
    const uuid = await cutOff(driver, here, began);
    expect(outcome(await here.until(uuid, 'finished', 'failed'))).toEqual(ends);
    expect(driver.requested).toEqual(['run alert 1', ...requested]);
  });

  it('is in doubt when it runs once; the operator states that it was done, and it does not run again', async () => {
    const { run, began } = hanging();
    const driver = new Played(run);
    await using here = await world(driver, 'retries = 3\n');
    const uuid = await cutOff(driver, here, began);
    const view = await here.until(uuid, 'finished', 'failed');
    expect(outcome(view)).toEqual(['failed', 'FAILURE: alert FAILURE']);
    expect(view.notification.message).toMatch(/alert: it was interrupted; its outcome is unknown/);
    const log = (decisions: [string, 'done' | 'not done'][]) =>
      here.clock.run(here.engine.operator.retry(uuid, 'none', new Map(decisions)));
    await expect(log([])).rejects.toThrow(
      /outcome of alert is unknown; find out whether it was done and state --done alert or --not-done alert/,
    );
    await expect(log([['other', 'done']])).rejects.toThrow(/task other of .* is not in doubt; these are: alert/);
    await log([['alert', 'done']]);
    expect(outcome(await here.until(uuid, 'finished', 'failed')).slice(0, 1)).toEqual(['finished']);
    expect(driver.requested).toEqual(['run alert 1']);
  });

  it('is not run again on the word that it was done, when its check does not know', async () => {
    const { run, began } = hanging();
    const driver = new Played(run, { state: 'unknown', reason: 'no idea' });
    await using here = await world(driver, 'after_crash = check\n');
    const uuid = await cutOff(driver, here, began);
    await here.until(uuid, 'failed');
    await here.clock.run(here.engine.operator.retry(uuid, 'none', new Map([['alert', 'done']])));
    expect(outcome(await here.until(uuid, 'finished', 'failed')).slice(0, 1)).toEqual(['finished']);
    expect(driver.requested).toEqual(['run alert 1', 'check alert 1']);
  });

  it('is checked in the next flow too, if its check had no time to respond', async () => {
    const { run, began } = hanging();
    let checks = 0;
    const driver = new Played(run, async ({ context }) => {
      checks += 1;
      if (checks > 1) return { state: 'done', outputs: {} };
      return new Promise((_, reject) => {
        context.signal.addEventListener('abort', () => reject(new Error('cut off')), { once: true });
      });
    });
    await using here = await world(driver, 'after_crash = check\ntimeout = 7\n');
    const uuid = await cutOff(driver, here, began);
    expect(outcome(await here.until(uuid, 'finished', 'failed')).slice(0, 1)).toEqual(['finished']);
    expect(driver.requested).toEqual(['run alert 1', 'check alert 1', 'check alert 1']);
  });

  it.each([
    ['done', ['run alert 1']],
    ['not done', ['run alert 1', 'run alert 1']],
  ] as const)(
    'in a flow that became a dead letter is in doubt in the next one: the operator states %s',
    async (decision, requested) => {
      const { run, began } = hanging();
      const driver = new Played(run);
      await using here = await world(driver, '', `[engine]\nmax_resumes = 0\n${LISTS}`);
      const uuid = await cutOff(driver, here, began);
      expect((await here.until(uuid, 'failed')).notification.message).toMatch(/^dead letter/);
      await here.clock.run(here.engine.operator.retry(uuid, 'none'));
      expect((await here.until(uuid, 'failed')).notification.message).toMatch(/its outcome is unknown/);
      expect(driver.requested).toEqual(['run alert 1']);
      await here.clock.run(here.engine.operator.retry(uuid, 'none', new Map([['alert', decision]])));
      expect(outcome(await here.until(uuid, 'finished', 'failed')).slice(0, 1)).toEqual(['finished']);
      expect(driver.requested).toEqual(requested);
    },
  );

  it('runs again when the operator states that it was not done', async () => {
    const { run, began } = hanging();
    const driver = new Played(run);
    await using here = await world(driver);
    const uuid = await cutOff(driver, here, began);
    await here.until(uuid, 'failed');
    await here.clock.run(here.engine.operator.retry(uuid, 'none', new Map([['alert', 'not done']])));
    expect(outcome(await here.until(uuid, 'finished', 'failed')).slice(0, 1)).toEqual(['finished']);
    expect(driver.requested).toEqual(['run alert 1', 'run alert 1']);
  });

  it('and reports itself that nothing was done, runs again though it runs once', async () => {
    const began = Promise.withResolvers<void>();
    const driver = new Played(
      ({ context }) =>
        new Promise((_, reject) => {
          context.signal.addEventListener('abort', () => reject(new NotDone('request to stop')), { once: true });
          began.resolve();
        }),
    );
    await using here = await world(driver);
    const uuid = await cutOff(driver, here, began.promise);
    expect(outcome(await here.until(uuid))).toEqual(['finished', 'SUCCESS: alert SUCCESS']);
    expect(driver.requested).toEqual(['run alert 1', 'run alert 1']);
  });
});

describe('a custom task that runs once', () => {
  const ALERT_FIRST = LISTS.replace(
    "post:['evacuate_instances_task','alert']",
    "post:['alert','evacuate_instances_task']",
  );

  it('does not run again in another round of its recovery, and gives what it gave', async () => {
    const driver = new Played(async () => ({ ticket: 5 }));
    const late = `provides = ticket\n[after]\ndriver = executable\ncommand = /bin/x {{ ticket }}\nafter_crash = idempotent\n`;
    await using here = await world(driver, late, ALERT_FIRST.replace("'alert',", "'alert','after',"));
    here.world.behaviour = { ...here.world.behaviour, failedEvacuations: 1 };
    const uuid = await here.hostFails('c1');
    await here.until(uuid, 'error');
    here.world.behaviour = { ...here.world.behaviour, failedEvacuations: 0 };
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(driver.calls.map(({ call }) => [call.task, call.options.command])).toEqual([
      ['alert', ['/bin/true']],
      ['after', ['/bin/x', '5']],
      ['after', ['/bin/x', '5']],
    ]);
  });

  it('is in doubt after a reply that was lost, and is not retried', async () => {
    const driver = new Played(async () => {
      throw new InDoubt('no answer came');
    });
    await using here = await world(driver, 'retries = 5\non_failure = rollback\n');
    const view = await here.until(await here.hostFails('c1'), 'failed', 'error');
    expect(view.notification).toMatchObject({ status: 'failed', message: 'alert: no answer came' });
    expect(view.flows.map(({ state }) => state)).toEqual(['FAILURE']);
    expect(driver.requested).toEqual(['run alert 1']);
  });
});
