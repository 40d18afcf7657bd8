/** Kills a real engine between mails, and while one is being sent; the next engine continues. */
import { describe, expect, it } from 'vitest';
import type { NotificationView, RecoveryView } from '#protocol/views.ts';
import { EngineWorld } from '../world/engine-world.ts';
import { headers, PostOffice, type ReceivedMail } from '../world/post-office.ts';

const DOWN = ['--hostname', 'c1', '--event', 'STOPPED', '--host-status', 'NORMAL'];
const OWNERS = ['alice', 'bob', 'carol', 'dave', 'erin'];
const addressOf = (owner: string): string => `${owner}@example.com`;

type AfterCrash = 'once' | 'idempotent';

/** Owners to write to, each with instances on the host that fails. @param tasks of the list `post` */
async function begin(office: PostOffice, afterCrash: AfterCrash, tasks: readonly string[]): Promise<EngineWorld> {
  const requires = tasks.includes('evacuate_instances_task') ? ', recovered_instances, failed_instances' : '';
  const lines = [
    '[taskflow_driver_recovery_flows]',
    "host_auto_failure_recovery_tasks = main:['prepare_HA_enabled_instances_task'],",
    `    post:[${tasks.map((task) => `'${task}'`).join(', ')}]`,
    '[mail_owners]',
    'driver = mail',
    'to = owners',
    'from = agent@example.com',
    `requires = instances${requires}`,
    `after_crash = ${afterCrash}`,
    ...office.lines,
  ];
  const here = await EngineWorld.start({ configuration: lines.join('\n') });
  for (const owner of OWNERS) {
    here.world.userAddresses.set(owner, addressOf(owner));
    if (owner !== 'alice') here.world.addInstance('c1', { userId: owner });
  }
  return here;
}

async function hostFails(here: EngineWorld): Promise<string> {
  here.world.kill('c1');
  return (await here.json<NotificationView>('notify', ...DOWN)).notification_uuid;
}

function mailsEach(office: PostOffice): number[] {
  return OWNERS.map((owner) => office.to(addressOf(owner)).length);
}

describe('an engine that is killed while it writes to owners', () => {
  /** Without other tasks that have steps, so that it is known which passage is which: [point, mails there before]. */
  it.for([
    ['step.after-plan:2', 0],
    ['step.before-intent:1', 0],
    ['step.before-intent:3', 2],
    ['step.after-outcome:3', 2],
    ['step.after-outcome:6', 5],
  ] as const)('at %s: each owner gets exactly one of "once"', async ([crashPoint, mails]) => {
    await using office = await PostOffice.start();
    await using here = await begin(office, 'once', ['mail_owners']);
    const first = await here.engine([], { environment: { RECOVERY_AGENT_CRASH_POINT: crashPoint } });
    here.world.kill('c1');
    here.begin(['notify', ...DOWN]);
    expect(await first.ended).toMatchObject({ signal: 'SIGKILL' });
    expect(office.received).toHaveLength(mails);
    await (await here.engine()).untilLogged('recovery ends finished');
    expect(mailsEach(office)).toEqual([1, 1, 1, 1, 1]);
  });

  it.for([
    ['once', 'failed'],
    ['idempotent', 'finished'],
  ] as const)('between text and answer: a mail of "%s"', async ([afterCrash, end]) => {
    await using office = await PostOffice.start();
    await using here = await begin(office, afterCrash, ['evacuate_instances_task', 'mail_owners']);
    const first = await here.engine();
    let inDoubt: ReceivedMail | undefined;
    office.onMail = (mail) => {
      if (office.received.length !== 3 || inDoubt) return;
      inDoubt = mail;
      process.kill(first.pid, 'SIGKILL');
    };
    const uuid = await hostFails(here);
    expect(await first.ended).toMatchObject({ signal: 'SIGKILL' });
    const second = await here.engine();
    await second.untilLogged(`recovery ends ${end}`);
    const { notification } = await here.json<RecoveryView>('show', uuid);
    const doubtful = inDoubt?.to ?? '';
    const others = office.received.filter(({ to }) => to !== doubtful);
    expect(others.map(({ to }) => to).sort()).toEqual(OWNERS.map(addressOf).filter((to) => to !== doubtful));
    const ids = office.to(doubtful).map(({ raw }) => headers(raw, 'Message-ID')[0]);
    if (afterCrash === 'idempotent') {
      expect(ids).toHaveLength(2);
      expect(new Set(ids).size).toBe(1);
      return;
    }
    expect(ids).toHaveLength(1);
    expect(notification.message).toContain(
      `delivery of these mails is unknown, and they are not sent again: ${doubtful} (`,
    );
    // Nothing continues before the operator has confirmed the outcome of that one mail.
    const refused = await here.run(['retry', uuid]);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining(`--done mail_owners/${doubtful}`) });
    expect(await here.run(['retry', uuid, '--done', `mail_owners/${doubtful}`])).toMatchObject({ code: 0 });
    await second.untilLogged(/recovery ends (?!failed)/);
    expect(mailsEach(office)).toEqual([1, 1, 1, 1, 1]);
  });
});
