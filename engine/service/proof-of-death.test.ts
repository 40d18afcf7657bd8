/** Proofs of death in the real order of calls: reports, programs, the queue, operator commands, a hand-over; on a simulated cloud. */
import { describe, expect, it } from 'vitest';
import type { ProofCall, ProofResult } from '#engine/recovery/proof-checks.ts';
import type { ReportedProof } from '#protocol/death-proof.ts';
import { LOCAL_ORIGIN as LOCAL } from '#protocol/origin.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

const PROGRAM = '[proof ipmi]\nkind = power_off\ncommand = /usr/bin/true {{host_name}}\n';
const ACCEPTED = '[host_failure]\naccepted_proofs = fencing, power_off\n';

/** A program with the result that the test sets, and the calls that it received. */
class Program {
  answer: ProofResult = { state: 'unknown', detail: 'the BMC does not respond' };
  readonly calls: ProofCall[] = [];

  readonly run = async (call: ProofCall): Promise<ProofResult> => {
    this.calls.push(call);
    return this.answer;
  };
}

async function worldOf(configuration: string, program = new Program()): Promise<RecoveryWorld> {
  const here = new RecoveryWorld({ configuration, runProof: program.run });
  for (const host of ['c1', 'c2', 'spare']) here.world.addHost(host);
  here.world.addInstance('c1');
  await here.start('n1');
  return here;
}

const report = (here: RecoveryWorld, proof: ReportedProof = 'none', minute = 0) =>
  here.clock.run(
    here.engine.accept(
      {
        type: 'COMPUTE_HOST',
        hostname: 'c1',
        generated_time: new Date(here.clock.now() + minute * 60_000),
        payload: { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' },
      },
      proof,
    ),
  );

/** Runs the clock until the recovery is parked with such a reason. */
async function untilParked(here: RecoveryWorld, uuid: string, reason: string): Promise<void> {
  const reached = async (): Promise<void> => {
    for (;;) {
      const { notification } = await here.engine.reads.show(uuid);
      if (notification.parked_reason?.includes(reason)) return;
      await here.clock.sleep(500);
    }
  };
  await here.clock.run(reached());
}

describe('a death without an accepted proof', () => {
  it('is held, and recovered when a report with a proof arrives', async () => {
    await using here = await worldOf(ACCEPTED);
    here.world.kill('c1');
    const { logbook } = await report(here);
    await untilParked(here, logbook.uuid, 'Held by gate proof-of-death');
    expect(here.world.counts.accepted).toEqual({});
    expect((await report(here, 'fencing', 1)).isDuplicate).toBe(true);
    expect((await here.until(logbook.uuid)).notification.status).toBe('finished');
    expect(Object.values(here.world.counts.accepted)).toEqual([1]);
  });

  it('is not started by an approval, but by the word of an operator, which the audit has', async () => {
    await using here = await worldOf(ACCEPTED);
    here.world.kill('c1');
    const { logbook } = await report(here);
    await untilParked(here, logbook.uuid, 'Held by gate proof-of-death');
    await here.clock.run(here.engine.operator.approve(logbook.uuid));
    await here.clock.run(here.clock.sleep(60_000));
    expect(here.world.counts.accepted).toEqual({});
    await here.clock.run(
      here.engine.operator.approve(logbook.uuid, { ...LOCAL, reason: 'I pulled the plug' }, 'operator'),
    );
    const { notification, audit } = await here.until(logbook.uuid);
    expect(notification.status).toBe('finished');
    expect(audit).toContainEqual(expect.objectContaining({ action: 'approve', overridden: ['host-is-down'] }));
  });

  it('is held in the next engine too', async () => {
    await using here = await worldOf(ACCEPTED);
    here.world.kill('c1');
    const { logbook } = await report(here);
    await untilParked(here, logbook.uuid, 'Held by gate proof-of-death');
    await here.clock.run(here.engine.stop());
    await here.start('n2');
    await here.clock.run(here.clock.sleep(120_000));
    await untilParked(here, logbook.uuid, 'Held by gate proof-of-death');
    expect(here.world.counts.accepted).toEqual({});
  });

  it('is recovered when the watchdog of the host has surely reset it, counted over a hand-over', async () => {
    await using here = await worldOf('[host_failure]\naccepted_proofs = watchdog\nwatchdog_timeout = 300\n');
    here.world.kill('c1');
    const from = here.clock.now();
    const { logbook } = await report(here);
    await untilParked(here, logbook.uuid, '300 s after the report');
    await here.clock.run(here.clock.sleep(100_000));
    await here.clock.run(here.engine.stop());
    await here.start('n2');
    expect((await here.until(logbook.uuid)).notification.status).toBe('finished');
    expect(here.clock.now() - from).toBeGreaterThan(300_000);
  });

  it('is decided by the segment of the host', async () => {
    const segment = '[failover_segment a]\nhosts = c1\naccepted_proofs = silence\n';
    await using here = await worldOf(`${ACCEPTED}${segment}`);
    here.world.kill('c1');
    const { logbook } = await report(here);
    expect((await here.until(logbook.uuid)).notification.status).toBe('finished');
  });

  it('ends without an action when the host comes back', async () => {
    await using here = await worldOf(ACCEPTED);
    here.world.kill('c1');
    const { logbook } = await report(here);
    await untilParked(here, logbook.uuid, 'Held by gate proof-of-death');
    await here.hostReturns('c1');
    expect((await here.until(logbook.uuid)).notification.status).toBe('ignored');
    expect(here.world.counts.accepted).toEqual({});
  });
});

describe('a program that proves deaths', () => {
  it('is run again until it shows the host dead; the recovery then starts, and `show` has its result', async () => {
    const program = new Program();
    await using here = await worldOf(`${ACCEPTED}${PROGRAM}`, program);
    here.world.kill('c1');
    const { logbook } = await report(here);
    await untilParked(here, logbook.uuid, 'proof ipmi shows nothing (the BMC does not respond)');
    program.answer = { state: 'dead', detail: 'power is off' };
    const { notification, proofs } = await here.until(logbook.uuid);
    expect(notification.status).toBe('finished');
    expect(proofs).toEqual([
      { name: 'ipmi', kind: 'power_off', state: 'dead', detail: 'power is off', time: expect.any(String) },
    ]);
    expect(program.calls.map(({ host, uuid, attempt }) => ({ host, uuid, attempt }))).toEqual(
      program.calls.map((_, index) => ({ host: 'c1', uuid: logbook.uuid, attempt: index + 1 })),
    );
  });

  it('holds the recovery while it shows the host alive, although a fencing was reported', async () => {
    const program = new Program();
    program.answer = { state: 'alive', detail: 'power is on' };
    await using here = await worldOf(`${ACCEPTED}${PROGRAM}`, program);
    const { logbook } = await report(here);
    await untilParked(here, logbook.uuid, 'proof ipmi shows alive (power is on)');
    await report(here, 'fencing', 1);
    await here.clock.run(here.clock.sleep(30_000));
    expect(here.world.counts.accepted).toEqual({});
    expect((await here.clock.run(here.engine.reads.show(logbook.uuid))).notification.status).toBe('new');
  });

  it('shows nothing if it fails', async () => {
    const program = new Program();
    await using here = await worldOf(`${ACCEPTED}${PROGRAM}`, program);
    Object.defineProperty(program, 'answer', {
      get: () => {
        throw new Error('exit code 1');
      },
    });
    here.world.kill('c1');
    const { logbook } = await report(here);
    await untilParked(here, logbook.uuid, 'proof ipmi shows nothing (exit code 1)');
  });

  it('does not run while another gate holds the recovery', async () => {
    const program = new Program();
    await using here = await worldOf(`${ACCEPTED}${PROGRAM}`, program);
    await here.clock.run(here.engine.operator.pause(null));
    here.world.kill('c1');
    const { logbook } = await report(here);
    await untilParked(here, logbook.uuid, 'Held by gate pause');
    await here.clock.run(here.clock.sleep(120_000));
    expect(program.calls).toEqual([]);
  });

  it('that fences is started only when Nova shows the host down, and its intent is in the journal before', async () => {
    const program = new Program();
    await using here = await worldOf(`${ACCEPTED}${PROGRAM}acts = true\n`, program);
    const { logbook } = await report(here);
    await untilParked(here, logbook.uuid, 'Nova does not show the host down');
    expect(program.calls).toEqual([]);
    let intent: unknown;
    Object.defineProperty(program, 'answer', {
      get: () => {
        intent = here.engine.reads.show(logbook.uuid).then(({ proofs }) => proofs);
        return { state: 'dead', detail: 'switched off' };
      },
    });
    here.world.kill('c1');
    expect((await here.until(logbook.uuid)).notification.status).toBe('finished');
    expect(await intent).toMatchObject([
      { name: 'ipmi', state: 'running', detail: 'it was started to fence the host' },
    ]);
  });
});
