/** What becomes of a flow whose engine died in it, or that an operator turns. */
import { describe, expect, it } from 'vitest';
import type { RecoveryView } from '#protocol/views.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';
import { TaskFailure } from '../flow/outcome.ts';
import type { Values } from '../flow/task.ts';
import type { Driver, DriverCall } from '../tasks/custom/driver.ts';

/** Custom tasks `open` and `work` around the evacuation; the test says what befalls them. */
class Tasks implements Driver {
  readonly steps = 'one';
  readonly asked: string[] = [];
  readonly calls: DriverCall[] = [];
  befall: (what: string, call: DriverCall) => Promise<void> = async () => {};

  run = (call: DriverCall): Promise<Values> => this.#do('run', call);
  undo = async (call: DriverCall): Promise<void> => void (await this.#do('undo', call));

  async #do(what: string, call: DriverCall): Promise<Values> {
    this.asked.push(`${what} ${call.task}`);
    this.calls.push(call);
    await this.befall(`${what} ${call.task}`, call);
    return { [`of_${call.task}`]: `${call.task} ${this.asked.length}` };
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

/** The engine dies when `at` is asked for the first time; the next one goes on. */
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

  it('resumed where it stood', async () => {
    const { here, tasks } = await scene({ work: IDEMPOTENT });
    await using _ = here;
    const view = await here.until(await diesAt(here, tasks, 'run work'));
    expect([view.notification.status, states(view)]).toEqual(['finished', ['SUCCESS']]);
    expect(tasks.asked).toEqual(['run open', 'run work', 'run work']);
    expectMovedOnce(here);
  });

  it('begun anew: what may run again does, and nothing is moved twice', async () => {
    const { here, tasks } = await scene({ policy: 'restart', open: IDEMPOTENT, work: IDEMPOTENT });
    await using _ = here;
    const view = await here.until(await diesAt(here, tasks, 'run work'));
    expect([view.notification.status, states(view)]).toEqual(['finished', ['ABANDONED', 'SUCCESS']]);
    expect(view.flows[0]?.error).toBe('its engine died, and it is begun anew then');
    expect(tasks.asked).toEqual(['run open', 'run work', 'run open', 'run work']);
    expectMovedOnce(here);
  });

  it('begun anew: what was done once is not done again, and what was cut off waits for the operator', async () => {
    const { here, tasks } = await scene({ policy: 'restart' });
    await using _ = here;
    const uuid = await diesAt(here, tasks, 'run work');
    const view = await here.until(uuid, 'failed', 'finished');
    expect(states(view)).toEqual(['ABANDONED', 'FAILURE']);
    expect(view.notification.message).toBe('work: it was cut off while it ran; whether it was done is not known');
    await here.clock.run(here.engine.operator.retry(uuid, 'none', new Map([['work', 'not done']])));
    expect((await here.until(uuid, 'failed', 'finished')).notification.status).toBe('finished');
    expect(tasks.asked).toEqual(['run open', 'run work', 'run work']);
    expectMovedOnce(here);
  });

  it('taken back, with what its tasks gave, though another engine ran them', async () => {
    const { here, tasks } = await scene({ policy: 'rollback' });
    await using _ = here;
    const view = await here.until(await diesAt(here, tasks, 'run work'), 'error');
    expect(states(view)).toEqual(['REVERTED']);
    expect(view.notification.message).toBe('its engine died, and it rolls back then');
    expect(tasks.asked).toEqual(['run open', 'run work', 'undo work', 'undo open']);
    const [, , work, open] = tasks.calls;
    expect([work?.inputs.of_open, work?.outputs, work?.options.command]).toEqual([
      'open 1',
      {},
      ['/bin/work', 'open 1'],
    ]);
    expect(open?.outputs).toEqual({ of_open: 'open 1' });
  });

  it('taken back to the end, when the next engine dies while it takes it back', async () => {
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
    expect(tasks.asked).toEqual(['run open', 'run work', 'undo work', 'undo open', 'undo open']);
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
    expect(tasks.asked).toEqual(['run open', 'run work', 'run work']);
  });

  it('given up when engines die in it again and again, begun anew or not', async () => {
    const { here, tasks } = await scene({ policy: 'restart', work: IDEMPOTENT, more: '[engine]\nmax_resumes = 2' });
    await using _ = here;
    const uuid = await diesAt(here, tasks, 'run work', 3);
    const view = await here.until(uuid, 'failed');
    expect(view.notification.message).toMatch(/^dead letter: 3 engines died or stopped in it/);
    expect(states(view)).toEqual(['ABANDONED', 'ABANDONED', 'FAILURE']);
    tasks.befall = async () => {};
    await here.clock.run(here.engine.operator.retry(uuid, 'none'));
    expect(states(await here.until(uuid, 'finished')).at(-1)).toBe('SUCCESS');
    expectMovedOnce(here);
  });

  it('begun anew with the same reserved host', async () => {
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

describe('what a flow took back', () => {
  /** `work` fails with the flow's policy to roll back; the retry of the engine comes by itself. */
  const FAILS = { work: 'on_failure = rollback' };

  it('counts as not done: the next round does it again', async () => {
    const { here, tasks } = await scene(FAILS);
    await using _ = here;
    const mend = breaks(tasks, 'run work');
    const uuid = await here.hostFails('c1');
    await here.until(uuid, 'error');
    mend();
    expect(states(await here.until(uuid))).toEqual(['REVERTED', 'SUCCESS']);
    expect(tasks.asked).toEqual(['run open', 'run work', 'undo work', 'undo open', 'run open', 'run work']);
  });

  it('is tried again as often as the task itself, and told when it stays', async () => {
    const { here, tasks } = await scene({ ...FAILS, open: 'retries = 2\nretry_delay = 1' });
    await using _ = here;
    tasks.befall = async (what) => {
      if (what === 'run work' || what === 'undo open') throw new TaskFailure('it broke');
    };
    const view = await here.until(await here.hostFails('c1'), 'error');
    expect(states(view)).toEqual(['REVERT_FAILURE']);
    expect(view.notification.message).toBe('work: it broke; not taken back: open');
    expect(view.flows[0]?.tasks.find(({ name }) => name === 'open')).toMatchObject({
      state: 'REVERT_FAILURE',
      error: 'it broke',
    });
    expect(tasks.asked.filter((one) => one === 'undo open')).toHaveLength(3);
  });

  it('and could not, is in doubt in the next round', async () => {
    const { here, tasks } = await scene(FAILS);
    await using _ = here;
    const mend = breaks(tasks, 'run work', 'undo open');
    const uuid = await here.hostFails('c1');
    await here.until(uuid, 'error');
    mend();
    const view = await here.until(uuid, 'failed', 'finished');
    expect(view.notification.message).toBe(
      'open: what it did could not be taken back; whether it was done is not known',
    );
    await here.clock.run(here.engine.operator.retry(uuid, 'none', new Map([['open', 'done']])));
    expect(states(await here.until(uuid, 'failed', 'finished')).at(-1)).toBe('SUCCESS');
    expect(tasks.asked.filter((one) => one === 'run open')).toHaveLength(1);
  });

  it('may be what an earlier flow did', async () => {
    const { here, tasks } = await scene({ work: 'on_failure = rollback\nafter_crash = idempotent', policy: 'restart' });
    await using _ = here;
    const uuid = await diesAt(here, tasks, 'run work');
    tasks.befall = async (what) => {
      if (what === 'run work') throw new TaskFailure('it broke');
    };
    expect(states(await here.until(uuid, 'error'))).toEqual(['ABANDONED', 'REVERTED']);
    expect(tasks.asked.slice(2)).toEqual(['run work', 'undo work', 'undo open']);
    expect(tasks.calls.at(-1)?.outputs).toEqual({ of_open: 'open 1' });
    tasks.befall = async () => {};
    expect(states(await here.until(uuid))).toEqual(['ABANDONED', 'REVERTED', 'SUCCESS']);
    expect(tasks.asked.slice(5)).toEqual(['run open', 'run work']);
  });

  it('and half took back, when engines died in it too often, is in doubt in the next round', async () => {
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
      'open: what it did could not be taken back; whether it was done is not known',
    );
  });

  it('and could not, of a task that had failed itself, is in doubt in the next round', async () => {
    const { here, tasks } = await scene(FAILS);
    await using _ = here;
    const mend = breaks(tasks, 'run work', 'undo work');
    const uuid = await here.hostFails('c1');
    await here.until(uuid, 'error');
    mend();
    expect((await here.until(uuid, 'failed', 'finished')).notification.message).toBe(
      'work: what it did could not be taken back; whether it was done is not known',
    );
    await here.clock.run(here.engine.operator.retry(uuid, 'none', new Map([['work', 'not done']])));
    expect((await here.until(uuid, 'failed', 'finished')).notification.status).toBe('finished');
  });

  it('and could not, gives later tasks what it gave when the operator says that it is done', async () => {
    const { here, tasks } = await scene(FAILS);
    await using _ = here;
    const mend = breaks(tasks, 'run work', 'undo open');
    const uuid = await here.hostFails('c1');
    await here.until(uuid, 'error');
    mend();
    await here.until(uuid, 'failed', 'finished');
    await here.clock.run(here.engine.operator.retry(uuid, 'none', new Map([['open', 'done']])));
    await here.until(uuid, 'finished');
    expect(tasks.calls.at(-1)?.inputs.of_open).toBe('open 1');
  });

  it('is what the flow itself could take back, whatever the task can by now', async () => {
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
    expect(tasks.asked).toEqual(['run open', 'run work', 'undo work', 'run work']);
  });

  it('is no doubt any more, and nobody is asked about it', async () => {
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
    expect(tasks.asked).toEqual(['run open', 'run work', 'undo work', 'undo open']);
    isHanging = false;
    await here.clock.run(here.engine.operator.retry(uuid, 'none'));
    expect(states(await here.until(uuid, 'finished', 'failed'))).toEqual(['REVERTED', 'SUCCESS']);
    expect(tasks.asked.slice(4)).toEqual(['run open', 'run work']);
  });
});

describe('an operator', () => {
  /** `work` goes on until it is interrupted. */
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

  it('has a flow taken back, and nothing is tried again before a retry', async () => {
    const { here, tasks, uuid } = await hanging({ more: '[engine]\nmax_resumes = 0' });
    await using _ = here;
    const hour = 3_600_000;
    await here.clock.run(here.engine.operator.turn(uuid, 'rollback'));
    const view = await here.until(uuid, 'failed', 'error');
    expect(view.notification).toMatchObject({ status: 'failed', message: 'an operator said rollback', retry_at: null });
    expect(states(view)).toEqual(['REVERTED']);
    await here.clock.run(here.clock.sleep(hour));
    expect(tasks.asked).toEqual(['run open', 'run work', 'undo work', 'undo open']);
    tasks.befall = async () => {};
    await here.clock.run(here.engine.operator.retry(uuid, 'none'));
    expect(states(await here.until(uuid, 'finished', 'failed'))).toEqual(['REVERTED', 'SUCCESS']);
    expectMovedOnce(here);
  });

  it('has a flow begun anew', async () => {
    const { here, tasks, uuid } = await hanging();
    await using _ = here;
    tasks.befall = async () => {};
    await here.clock.run(here.engine.operator.turn(uuid, 'restart'));
    const view = await here.until(uuid);
    expect([view.notification.status, states(view)]).toEqual(['finished', ['ABANDONED', 'SUCCESS']]);
    expect(tasks.asked).toEqual(['run open', 'run work', 'run work']);
    expectMovedOnce(here);
  });

  it('has a flow begun anew, and is told of what that cut off', async () => {
    const { here, tasks, uuid } = await hanging({ work: '' });
    await using _ = here;
    tasks.befall = async () => {};
    await here.clock.run(here.engine.operator.turn(uuid, 'restart'));
    const view = await here.until(uuid, 'failed');
    // No engine died.
    expect(view.notification.message).toBe('work: it was cut off while it ran; whether it was done is not known');
    expect(tasks.asked).toEqual(['run open', 'run work']);
  });

  it('is refused where no flow is at work, and interrupts nothing', async () => {
    const { here, tasks, uuid } = await hanging();
    await using _ = here;
    const turn = (one: string, way: 'rollback' | 'restart') => here.clock.run(here.engine.operator.turn(one, way));
    await expect(turn('0', 'rollback')).rejects.toThrow('there is no notification 0');
    tasks.befall = (_what, { context }) => untilEnded(context.signal);
    await turn(uuid, 'rollback');
    await expect(turn(uuid, 'restart')).rejects.toThrow('takes back what it did; it can be retried when that is over');
    expect(tasks.asked.filter((one) => one === 'run work')).toHaveLength(1);
  });

  it('is refused when it is over', async () => {
    const { here, tasks, uuid } = await hanging();
    await using _ = here;
    tasks.befall = async () => {};
    await here.clock.run(here.engine.operator.turn(uuid, 'restart'));
    await here.until(uuid);
    await expect(here.clock.run(here.engine.operator.turn(uuid, 'rollback'))).rejects.toThrow(
      'is finished and no flow of it is at work; there is "retry"',
    );
  });
});
