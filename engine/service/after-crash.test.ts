/** What becomes of a flow whose engine died in it, or that an operator turns. */
import { describe, expect, it } from 'vitest';
import type { RecoveryView } from '#protocol/views.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';
import { TaskFailure } from '../flow/outcome.ts';
import type { Values } from '../flow/plan.ts';
import type { Driver, DriverCall } from '../task-drivers/driver.ts';

/** Custom tasks `open` and `work` around the evacuation; the test decides their outcomes. */
class Tasks implements Driver {
  readonly steps = 'one';
  readonly requested: string[] = [];
  readonly calls: DriverCall[] = [];
  befall: (what: string, call: DriverCall) => Promise<void> = async () => {};

  run = (call: DriverCall): Promise<Values> => this.#do('run', call);
  undo = async (call: DriverCall): Promise<void> => void (await this.#do('undo', call));

  async #do(what: string, call: DriverCall): Promise<Values> {
    this.requested.push(`${what} ${call.task}`);
    this.calls.push(call);
    await this.befall(`${what} ${call.task}`, call);
    return { [`of_${call.task}`]: `${call.task} ${this.requested.length}` };
  }
}

interface Scenery {
  readonly policy?: string;
  /** Options of the task `open`, and of `work`. */
  readonly open?: string;
  readonly work?: string;
  readonly more?: string;
  readonly lists?: string;
}

const HOST_LISTS = `host_auto_failure_recovery_tasks = pre:['disable_compute_service_task','open'],
  main:['prepare_HA_enabled_instances_task','evacuate_instances_task'],post:['work']`;

async function scene({ policy = 'resume', open = '', work = '', more = '', lists = HOST_LISTS }: Scenery) {
  const tasks = new Tasks();
  const configuration = `${more}
[taskflow_driver_recovery_flows]
${lists}
host_auto_failure_recovery_after_crash = ${policy}
host_rh_failure_recovery_after_crash = ${policy}
[open]
driver = executable
command = /bin/open
provides = of_open
undo = true
${open}
[work]
driver = executable
command = /bin/work {{ of_open }}
requires = of_open
undo = true
${work}`;
  const here = new RecoveryWorld({ configuration, drivers: async () => tasks });
  for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host);
  here.world.addInstance('c1', { name: 'web' });
  here.world.addInstance('c1', { name: 'db' });
  await here.start('n1');
  return { here, tasks };
}

/** The engine dies at the first call of `at`; the next one continues. */
async function diesAt(here: RecoveryWorld, tasks: Tasks, at: string, times = 1): Promise<string> {
  let left = times;
  tasks.befall = async (what) => {
    if (what !== at || left === 0) return;
    left -= 1;
    here.life.doom();
    await here.life.outlive(null);
  };
  const uuid = await here.hostFails('c1');
  for (let n = 2; n < times + 2; n += 1) {
    await here.clock.run(here.life.death);
    await here.start(`n${n}`);
  }
  return uuid;
}

function untilEnded(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(new Error('cut off'));
    signal.addEventListener('abort', () => reject(new Error('cut off')), { once: true });
  });
}

/** These fail from now on, until they are mended. */
function breaks(tasks: Tasks, ...names: readonly string[]): () => void {
  tasks.befall = async (what) => {
    if (names.includes(what)) throw new TaskFailure('it broke');
  };
  return () => {
    tasks.befall = async () => {};
  };
}

const states = ({ flows }: RecoveryView): string[] => flows.map(({ state }) => state);
const expectMovedOnce = (here: RecoveryWorld): void => {
  expect(Object.values(here.world.counts.accepted)).toEqual([1, 1]);
  expect([...here.world.instances.values()].map(({ host }) => host)).not.toContain('c1');
};

describe('a flow whose engine died is', () => {
  const IDEMPOTENT = 'after_crash = idempotent';

  it('resumed at its step', async () => {
    const { here, tasks } = await scene({ work: IDEMPOTENT });
    await using _ = here;
    const view = await here.until(await diesAt(here, tasks, 'run work'));
    expect([view.notification.status, states(view)]).toEqual(['finished', ['SUCCESS']]);
    expect(tasks.requested).toEqual(['run open', 'run work', 'run work']);
    expectMovedOnce(here);
  });

  it('restarted: tasks that may run again do, and nothing is moved twice', async () => {
    const { here, tasks } = await scene({ policy: 'restart', open: IDEMPOTENT, work: IDEMPOTENT });
    await using _ = here;
    const view = await here.until(await diesAt(here, tasks, 'run work'));
    expect([view.notification.status, states(view)]).toEqual(['finished', ['ABANDONED', 'SUCCESS']]);
    expect(view.flows[0]?.error).toBe('its engine ended, and its policy is to restart');
    expect(tasks.requested).toEqual(['run open', 'run work', 'run open', 'run work']);
    expectMovedOnce(here);
  });

  it('restarted: a task that was done once is not repeated, and one that was interrupted waits for the operator', async () => {
    const { here, tasks } = await scene({ policy: 'restart' });
    await using _ = here;
    const uuid = await diesAt(here, tasks, 'run work');
    const view = await here.until(uuid, 'failed', 'finished');
    expect(states(view)).toEqual(['ABANDONED', 'FAILURE']);
    expect(view.notification.message).toBe('work: it was interrupted; its outcome is unknown');
    await here.clock.run(here.engine.operator.retry(uuid, 'none', new Map([['work', 'not done']])));
    expect((await here.until(uuid, 'failed', 'finished')).notification.status).toBe('finished');
    expect(tasks.requested).toEqual(['run open', 'run work', 'run work']);
    expectMovedOnce(here);
  });

  it('rolled back, with the outputs of its tasks, though another engine ran them', async () => {
    const { here, tasks } = await scene({ policy: 'rollback' });
    await using _ = here;
    const view = await here.until(await diesAt(here, tasks, 'run work'), 'error');
    expect(states(view)).toEqual(['REVERTED']);
    expect(view.notification.message).toBe('its engine ended, and its policy is to roll back');
    expect(tasks.requested).toEqual(['run open', 'run work', 'undo work', 'undo open']);
    const [, , work, open] = tasks.calls;
    expect([work?.inputs.of_open, work?.outputs, work?.options.command]).toEqual([
      'open 1',
      {},
      ['/bin/work', 'open 1'],
    ]);
    expect(open?.outputs).toEqual({ of_open: 'open 1' });
  });

  it('rolled back to the end, if the next engine dies during the rollback', async () => {
    const { here, tasks } = await scene({ policy: 'rollback' });
    await using _ = here;
    const uuid = await diesAt(here, tasks, 'run work');
    let isDead = false;
    tasks.befall = async (what) => {
      if (what !== 'undo open' || isDead) return;
      isDead = true;
      here.life.doom();
      await here.life.outlive(null);
    };
    await here.clock.run(here.life.death);
    await here.start('n3');
    expect(states(await here.until(uuid, 'error'))).toEqual(['REVERTED']);
    expect(tasks.requested).toEqual(['run open', 'run work', 'undo work', 'undo open', 'undo open']);
    expect(tasks.calls.at(-1)?.outputs).toEqual({ of_open: 'open 1' });
    expect(tasks.calls.map(({ isResumed }) => isResumed)).toEqual([false, false, false, false, true]);
  });

  it.each(['restart', 'rollback'])('resumed when it only stopped, though the policy is %s', async (policy) => {
    const { here, tasks } = await scene({ policy, work: IDEMPOTENT });
    await using _ = here;
    const began = Promise.withResolvers<void>();
    tasks.befall = async (what, { context }) => {
      if (what !== 'run work') return;
      began.resolve();
      await untilEnded(context.signal);
    };
    const uuid = await here.hostFails('c1');
    await here.clock.run(began.promise);
    await here.clock.run(here.engine.stop());
    tasks.befall = async () => {};
    await here.start('n2');
    expect(states(await here.until(uuid))).toEqual(['SUCCESS']);
    expect(tasks.requested).toEqual(['run open', 'run work', 'run work']);
  });

  it('a dead letter if engines die in it repeatedly, restarted or not', async () => {
    const { here, tasks } = await scene({ policy: 'restart', work: IDEMPOTENT, more: '[engine]\nmax_resumes = 2' });
    await using _ = here;
    const uuid = await diesAt(here, tasks, 'run work', 3);
    const view = await here.until(uuid, 'failed');
    expect(view.notification.message).toMatch(/^dead letter: 3 engines ended during it/);
    expect(states(view)).toEqual(['ABANDONED', 'ABANDONED', 'FAILURE']);
    tasks.befall = async () => {};
    await here.clock.run(here.engine.operator.retry(uuid, 'none'));
    expect(states(await here.until(uuid, 'finished')).at(-1)).toBe('SUCCESS');
    expectMovedOnce(here);
  });

  it('restarted with the same reserved host', async () => {
    const { here, tasks } = await scene({
      policy: 'restart',
      work: IDEMPOTENT,
      more: '[failover_segment rack]\nrecovery_method = reserved_host\nhosts = c1, c2\nreserved_hosts = c3',
      lists: HOST_LISTS.replace('host_auto', 'host_rh'),
    });
    await using _ = here;
    const view = await here.until(await diesAt(here, tasks, 'run work'));
    expect([view.notification.status, states(view)]).toEqual(['finished', ['ABANDONED', 'SUCCESS']]);
    expect(view.flows.map(({ reserved_host }) => reserved_host)).toEqual(['c3', 'c3']);
    expectMovedOnce(here);
  });
});

describe('a task that a flow rolled back', () => {
  /** `work` fails with the flow's policy to roll back; the retry of the engine comes by itself. */
  const FAILS = { work: 'on_failure = rollback' };

  it('counts as not done: the next round does it again', async () => {
    const { here, tasks } = await scene(FAILS);
    await using _ = here;
    const remedy = breaks(tasks, 'run work');
    const uuid = await here.hostFails('c1');
    await here.until(uuid, 'error');
    remedy();
    expect(states(await here.until(uuid))).toEqual(['REVERTED', 'SUCCESS']);
    expect(tasks.requested).toEqual(['run open', 'run work', 'undo work', 'undo open', 'run open', 'run work']);
  });

  it('is retried as often as the task itself, and reported when it stays', async () => {
    const { here, tasks } = await scene({ ...FAILS, open: 'retries = 2\nretry_delay = 1' });
    await using _ = here;
    tasks.befall = async (what) => {
      if (what === 'run work' || what === 'undo open') throw new TaskFailure('it broke');
    };
    const view = await here.until(await here.hostFails('c1'), 'error');
    expect(states(view)).toEqual(['REVERT_FAILURE']);
    expect(view.notification.message).toBe('work: it broke; not rolled back: open');
    expect(view.flows[0]?.tasks.find(({ name }) => name === 'open')).toMatchObject({
      state: 'REVERT_FAILURE',
      error: 'it broke',
    });
    expect(tasks.requested.filter((one) => one === 'undo open')).toHaveLength(3);
  });

  it('and could not, is in doubt in the next round', async () => {
    const { here, tasks } = await scene(FAILS);
    await using _ = here;
    const remedy = breaks(tasks, 'run work', 'undo open');
    const uuid = await here.hostFails('c1');
    await here.until(uuid, 'error');
    remedy();
    const view = await here.until(uuid, 'failed', 'finished');
    expect(view.notification.message).toBe('open: its effect could not be rolled back; its outcome is unknown');
    await here.clock.run(here.engine.operator.retry(uuid, 'none', new Map([['open', 'done']])));
    expect(states(await here.until(uuid, 'failed', 'finished')).at(-1)).toBe('SUCCESS');
    expect(tasks.requested.filter((one) => one === 'run open')).toHaveLength(1);
  });

  it('may be what an earlier flow did', async () => {
    const { here, tasks } = await scene({ work: 'on_failure = rollback\nafter_crash = idempotent', policy: 'restart' });
    await using _ = here;
    const uuid = await diesAt(here, tasks, 'run work');
    tasks.befall = async (what) => {
      if (what === 'run work') throw new TaskFailure('it broke');
    };
    expect(states(await here.until(uuid, 'error'))).toEqual(['ABANDONED', 'REVERTED']);
    expect(tasks.requested.slice(2)).toEqual(['run work', 'undo work', 'undo open']);
    expect(tasks.calls.at(-1)?.outputs).toEqual({ of_open: 'open 1' });
    tasks.befall = async () => {};
    expect(states(await here.until(uuid))).toEqual(['ABANDONED', 'REVERTED', 'SUCCESS']);
    expect(tasks.requested.slice(5)).toEqual(['run open', 'run work']);
  });

  it('partly, because engines died in it too often, is in doubt in the next round', async () => {
    const { here, tasks } = await scene({ ...FAILS, more: '[engine]\nmax_resumes = 1' });
    await using _ = here;
    let deaths = 2;
    tasks.befall = async (what) => {
      if (what === 'run work') throw new TaskFailure('it broke');
      if (what !== 'undo open' || deaths === 0) return;
      deaths -= 1;
      here.life.doom();
      await here.life.outlive(null);
    };
    const uuid = await here.hostFails('c1');
    for (const node of ['n2', 'n3']) {
      await here.clock.run(here.life.death);
      await here.start(node);
    }
    const given = await here.until(uuid, 'failed');
    expect(given.notification.message).toMatch(/^dead letter/);
    expect(given.flows[0]?.tasks.map(({ state }) => state)).not.toContain('REVERTING');
    await here.clock.run(here.engine.operator.retry(uuid, 'none'));
    expect((await here.until(uuid, 'failed', 'finished')).notification.message).toBe(
      'open: its effect could not be rolled back; its outcome is unknown',
    );
  });

  it('and could not, of a task that had failed itself, is in doubt in the next round', async () => {
    const { here, tasks } = await scene(FAILS);
    await using _ = here;
    const remedy = breaks(tasks, 'run work', 'undo work');
    const uuid = await here.hostFails('c1');
    await here.until(uuid, 'error');
    remedy();
    expect((await here.until(uuid, 'failed', 'finished')).notification.message).toBe(
      'work: its effect could not be rolled back; its outcome is unknown',
    );
    await here.clock.run(here.engine.operator.retry(uuid, 'none', new Map([['work', 'not done']])));
    expect((await here.until(uuid, 'failed', 'finished')).notification.status).toBe('finished');
  });

  it('without success, gives later tasks its outputs when the operator states that it is done', async () => {
    const { here, tasks } = await scene(FAILS);
    await using _ = here;
    const remedy = breaks(tasks, 'run work', 'undo open');
    const uuid = await here.hostFails('c1');
    await here.until(uuid, 'error');
    remedy();
    await here.until(uuid, 'failed', 'finished');
    await here.clock.run(here.engine.operator.retry(uuid, 'none', new Map([['open', 'done']])));
    await here.until(uuid, 'finished');
    expect(tasks.calls.at(-1)?.inputs.of_open).toBe('open 1');
  });

  it('is one that the flow itself could roll back, by its own plan', async () => {
    const { here, tasks } = await scene({ work: 'after_crash = idempotent' });
    await using _ = here;
    const open = here.configuration.customTasks.get('open');
    if (!open) throw new Error('there is no task open');
    Object.assign(open.task, { undo: false });
    const began = Promise.withResolvers<void>();
    tasks.befall = async (what, { context }) => {
      if (what !== 'run work') return;
      began.resolve();
      await untilEnded(context.signal);
    };
    const uuid = await here.hostFails('c1');
    await here.clock.run(began.promise);
    await here.clock.run(here.engine.operator.turn(uuid, 'rollback'));
    await here.until(uuid, 'failed');
    Object.assign(open.task, { undo: true });
    tasks.befall = async () => {};
    await here.clock.run(here.engine.operator.retry(uuid, 'none'));
    await here.until(uuid);
    expect(tasks.requested).toEqual(['run open', 'run work', 'undo work', 'run work']);
  });

  it('is no doubt any more, and the operator need not decide it', async () => {
    const { here, tasks } = await scene({
      open: 'on_failure = continue\ntimeout = 10',
      more: '[host_failure]\nevacuation_retries = 0',
    });
    await using _ = here;
    let isHanging = true;
    const began = Promise.withResolvers<void>();
    tasks.befall = async (what, { context }) => {
      if (what === 'run open' && isHanging) await untilEnded(context.signal);
      if (what !== 'run work' || !isHanging) return;
      began.resolve();
      await untilEnded(context.signal);
    };
    const uuid = await here.hostFails('c1');
    await here.clock.run(began.promise);
    await here.clock.run(here.engine.operator.turn(uuid, 'rollback'));
    await here.until(uuid, 'failed');
    expect(tasks.requested).toEqual(['run open', 'run work', 'undo work', 'undo open']);
    isHanging = false;
    await here.clock.run(here.engine.operator.retry(uuid, 'none'));
    expect(states(await here.until(uuid, 'finished', 'failed'))).toEqual(['REVERTED', 'SUCCESS']);
    expect(tasks.requested.slice(4)).toEqual(['run open', 'run work']);
  });
});

describe('an operator', () => {
  /** `work` runs until it is interrupted. */
  async function hanging(scenery: Scenery = {}) {
    const made = await scene({ work: 'after_crash = idempotent', ...scenery });
    const { here, tasks } = made;
    const began = Promise.withResolvers<void>();
    tasks.befall = async (what, { context }) => {
      if (what !== 'run work') return;
      began.resolve();
      await untilEnded(context.signal);
    };
    const uuid = await here.hostFails('c1');
    await here.clock.run(began.promise);
    return { ...made, uuid };
  }

  it('has a flow rolled back, and nothing is retried before a retry', async () => {
    const { here, tasks, uuid } = await hanging({ more: '[engine]\nmax_resumes = 0' });
    await using _ = here;
    const hour = 3_600_000;
    await here.clock.run(here.engine.operator.turn(uuid, 'rollback'));
    const view = await here.until(uuid, 'failed', 'error');
    expect(view.notification).toMatchObject({
      status: 'failed',
      message: 'operator command: rollback',
      retry_at: null,
    });
    expect(states(view)).toEqual(['REVERTED']);
    await here.clock.run(here.clock.sleep(hour));
    expect(tasks.requested).toEqual(['run open', 'run work', 'undo work', 'undo open']);
    tasks.befall = async () => {};
    await here.clock.run(here.engine.operator.retry(uuid, 'none'));
    expect(states(await here.until(uuid, 'finished', 'failed'))).toEqual(['REVERTED', 'SUCCESS']);
    expectMovedOnce(here);
  });

  it('has a flow restarted', async () => {
    const { here, tasks, uuid } = await hanging();
    await using _ = here;
    tasks.befall = async () => {};
    await here.clock.run(here.engine.operator.turn(uuid, 'restart'));
    const view = await here.until(uuid);
    expect([view.notification.status, states(view)]).toEqual(['finished', ['ABANDONED', 'SUCCESS']]);
    expect(tasks.requested).toEqual(['run open', 'run work', 'run work']);
    expectMovedOnce(here);
  });

  it('has a flow restarted, and sees the tasks that this interrupted', async () => {
    const { here, tasks, uuid } = await hanging({ work: '' });
    await using _ = here;
    tasks.befall = async () => {};
    await here.clock.run(here.engine.operator.turn(uuid, 'restart'));
    const view = await here.until(uuid, 'failed');
    // No engine died.
    expect(view.notification.message).toBe('work: it was interrupted; its outcome is unknown');
    expect(tasks.requested).toEqual(['run open', 'run work']);
  });

  it('is refused where no flow is at work, and interrupts nothing', async () => {
    const { here, tasks, uuid } = await hanging();
    await using _ = here;
    const turn = (one: string, way: 'rollback' | 'restart') => here.clock.run(here.engine.operator.turn(one, way));
    await expect(turn('0', 'rollback')).rejects.toThrow('there is no notification 0');
    tasks.befall = (_what, { context }) => untilEnded(context.signal);
    await turn(uuid, 'rollback');
    await expect(turn(uuid, 'restart')).rejects.toThrow('is rolling back; it can be retried after that');
    expect(tasks.requested.filter((one) => one === 'run work')).toHaveLength(1);
  });

  it('is refused when it is over', async () => {
    const { here, tasks, uuid } = await hanging();
    await using _ = here;
    tasks.befall = async () => {};
    await here.clock.run(here.engine.operator.turn(uuid, 'restart'));
    await here.until(uuid);
    await expect(here.clock.run(here.engine.operator.turn(uuid, 'rollback'))).rejects.toThrow(
      'is finished and has no open flow; use "retry"',
    );
  });
});
