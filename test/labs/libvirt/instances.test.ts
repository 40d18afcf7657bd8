import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { parseNotification } from '#protocol/notification.ts';
import { waitUntil } from '../waiting.ts';
import { domainName, domainUuid } from './domain.ts';
import { installPackages } from './install.ts';
import { LibvirtLab } from './lab.ts';
import { ACTIVE, NODE, Observed } from './observed.ts';

/** Every cause of an instance's end, with real guests: what is reported, and what is not. */

let lab: LibvirtLab;
let observed: Observed;
/** A number is never used twice, so that no log of a domain contains lines of an earlier test. */
let last = 0;
const next = (): number => {
  last += 1;
  return last;
};

const measured: string[] = [];

beforeAll(async () => {
  await installPackages();
  lab = await LibvirtLab.start();
});

afterAll(async () => {
  await lab?.stop();
  console.info(`measured:\n${measured.join('\n')}`);
});

beforeEach(async () => {
  observed = new Observed(lab);
});

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.info(observed.lines.join('\n'));
  await observed.forget(lab);
  await lab.clear();
});

/** Does it, and expects exactly this report of this instance. */
async function expectReport(number: number, words: string, act: () => Promise<void>): Promise<void> {
  const before = Date.now();
  await act();
  const done = Date.now();
  const [report] = await observed.waitForReports(1);
  expect(observed.summaries).toEqual([`${domainUuid(number)} ${words}`]);
  const { hostname, generated_time } = parseNotification(report?.body);
  expect(hostname).toBe(NODE);
  expect(generated_time.getTime()).toBeGreaterThanOrEqual(before - 1);
  expect(generated_time.getTime()).toBeLessThanOrEqual(report?.at ?? 0);
  measured.push(
    `  ${expect.getState().currentTestName}: ${(report?.at ?? 0) - done} to ${(report?.at ?? 0) - before} ms after the act`,
  );
}

async function expectNothing(): Promise<void> {
  await observed.waitForPoll();
  expect(observed.summaries).toEqual([]);
}

test('kill -9 of QEMU is reported', async () => {
  const vm = next();
  await lab.boot(vm);
  await observed.start();
  await expectReport(vm, 'LIFECYCLE/STOPPED_FAILED', () => lab.signal('KILL', vm));
  expect(await lab.state(vm)).toBe('shut off (crashed)');
  expect(await observed.monitor?.recheck(observed.reports[0]?.body ?? expect.fail())).toBe('still');
  await lab.start(vm);
  expect(await observed.monitor?.recheck(observed.reports[0]?.body ?? expect.fail())).toBe('over');
});

test('a second death, of the next life, is reported again', async () => {
  const vm = next();
  await lab.boot(vm);
  await observed.start();
  await lab.signal('KILL', vm);
  await observed.waitForReports(1);
  await lab.start(vm);
  await lab.signal('KILL', vm);
  await observed.waitForReports(2);
  expect(observed.summaries).toEqual(Array(2).fill(`${domainUuid(vm)} LIFECYCLE/STOPPED_FAILED`));
});

test('a panic that libvirt ends the guest for is reported once', async () => {
  const vm = next();
  await lab.boot(vm, { onCrash: 'destroy' });
  await observed.start();
  await expectReport(vm, 'LIFECYCLE/STOPPED_FAILED', () => lab.typeToGuest(vm, 'p'));
  await lab.waitForState(vm, 'shut off (crashed)');
  await observed.waitForReports(1);
  expect(observed.summaries).toHaveLength(1);
});

test('a panic that does not end the guest is reported, with the configured event', async () => {
  const vm = next();
  observed = new Observed(lab, { panicEvent: 'LIFECYCLE/CRASHED_PANICKED' });
  await lab.boot(vm, { onCrash: 'preserve' });
  await observed.start();
  await expectReport(vm, 'LIFECYCLE/CRASHED_PANICKED', () => lab.typeToGuest(vm, 'p'));
  expect(await lab.state(vm)).toBe('crashed (panicked)');
});

test('a panic after which libvirt restarts the guest is no failure', async () => {
  const vm = next();
  await lab.boot(vm, { onCrash: 'restart' });
  await observed.start();
  await lab.typeToGuest(vm, 'p');
  await waitUntil({ what: 'the case to be closed', seconds: 60 }, () =>
    observed.lines.some((line) => line.includes('runs again')) ? true : undefined,
  );
  await expectNothing();
  expect(await lab.state(vm)).toMatch(/^running/);
});

test('a watchdog that stops the guest is reported, one that resets it is not', async () => {
  const [paused, reset] = [next(), next()];
  await lab.boot(paused, { watchdog: 'pause' });
  await lab.boot(reset, { watchdog: 'reset' });
  await observed.start();
  await lab.typeToGuest(reset, 'w');
  await expectReport(paused, 'LIFECYCLE/SUSPENDED_WATCHDOG', () => lab.typeToGuest(paused, 'w'));
  expect(await lab.state(paused)).toBe('paused (watchdog)');
});

test('a watchdog that powers the guest off is reported', async () => {
  const vm = next();
  await lab.boot(vm, { watchdog: 'poweroff' });
  await observed.start();
  await expectReport(vm, 'LIFECYCLE/STOPPED_FAILED', () => lab.typeToGuest(vm, 'w'));
});

test('an I/O error that stops the guest is reported once, and its later death as well', async () => {
  const vm = next();
  await lab.makeSmallDisk();
  await lab.boot(vm, { disk: { path: lab.smallDisk, onError: 'enospace' } });
  await observed.start();
  await expectReport(vm, 'LIFECYCLE/SUSPENDED_IOERROR', () => lab.typeToGuest(vm, 'd'));
  expect(await lab.state(vm)).toBe('paused (I/O error)');
  await lab.signal('KILL', vm);
  await observed.waitForReports(2);
  expect(observed.summaries[1]).toBe(`${domainUuid(vm)} LIFECYCLE/STOPPED_FAILED`);
});

test('an I/O error that is passed to the guest is reported once', async () => {
  const vm = next();
  await lab.makeSmallDisk();
  await lab.boot(vm, { disk: { path: lab.smallDisk, onError: 'report' } });
  await observed.start();
  await expectReport(vm, 'IO_ERROR/IO_ERROR_REPORT', () => lab.typeToGuest(vm, 'd'));
});

test('a requested end is no failure: shutdown, destroy, a stop from inside, kill -TERM, suspend, save, delete', async () => {
  const [requested, destroyed, inside, terminated, suspended, saved, deleted] = [
    next(),
    next(),
    next(),
    next(),
    next(),
    next(),
    next(),
  ];
  const all = [requested, destroyed, inside, terminated, suspended, saved, deleted];
  for (const vm of all) await lab.boot(vm);
  await observed.start();
  observed.nova.set(domainUuid(terminated), { ...ACTIVE, vmState: 'stopped' });
  await lab.typeToGuest(requested, 'n');
  await lab.virsh('shutdown', domainName(requested));
  await lab.virsh('destroy', domainName(destroyed));
  await lab.typeToGuest(inside, 'o');
  await lab.signal('TERM', terminated);
  await lab.virsh('suspend', domainName(suspended));
  await lab.virsh('managedsave', domainName(saved));
  await lab.virsh('destroy', domainName(deleted));
  await lab.virsh('undefine', domainName(deleted));
  await lab.waitForState(requested, 'shut off (shutdown)');
  await lab.waitForState(destroyed, 'shut off (destroyed)');
  await lab.waitForState(inside, 'shut off (shutdown)');
  await lab.waitForState(terminated, 'shut off (shutdown)');
  await lab.waitForState(suspended, 'paused (user)');
  await lab.waitForState(saved, 'shut off (saved)');
  await expectNothing();
  await lab.virsh('managedsave-remove', domainName(saved));
});

test('a hung guest that is destroyed is no failure', async () => {
  const vm = next();
  await lab.boot(vm);
  await observed.start();
  await lab.signal('STOP', vm);
  await expectNothing();
  await lab.virsh('destroy', domainName(vm));
  await lab.waitForState(vm, 'shut off (destroyed)');
  await expectNothing();
});

test('a killed process whose instance Nova has elsewhere, or deletes, is no failure; nor is a domain that is not of Nova', async () => {
  const [elsewhere, deleting, stopping, foreign] = [next(), next(), next(), next()];
  for (const vm of [elsewhere, deleting, stopping]) await lab.boot(vm);
  await lab.boot(foreign, { maker: 'another tool' });
  await observed.start();
  observed.nova.set(domainUuid(elsewhere), { ...ACTIVE, host: 'compute2', taskState: 'migrating' });
  observed.nova.set(domainUuid(deleting), { ...ACTIVE, taskState: 'deleting' });
  observed.nova.set(domainUuid(stopping), { ...ACTIVE, taskState: 'powering-off' });
  await lab.signal('KILL', elsewhere, deleting, stopping, foreign);
  for (const vm of [elsewhere, deleting, stopping, foreign]) await lab.waitForState(vm, 'shut off (crashed)');
  await waitUntil({ what: 'three decisions', seconds: 60 }, () =>
    observed.lines.filter((line) => line.includes('has not failed')).length === 3 ? true : undefined,
  );
  await expectNothing();
  expect(
    (await observed.monitor?.poll(AbortSignal.timeout(10_000)))?.map(({ subject, state }) => [subject, state]),
  ).toEqual(expect.arrayContaining([[domainUuid(elsewhere), 'shut off']]));
});

test('a death while the monitor was down is reported when it comes back, once', async () => {
  const [killed, stopped, transient] = [next(), next(), next()];
  await lab.boot(killed);
  await lab.boot(stopped);
  await lab.bootTransient(transient);
  await observed.start();
  await observed.stop();
  await lab.signal('KILL', killed, transient);
  await lab.virsh('destroy', domainName(stopped));
  await lab.waitForState(killed, 'shut off (crashed)');
  await observed.start();
  await observed.waitForReports(2);
  expect(observed.summaries.toSorted()).toEqual([
    `${domainUuid(killed)} LIFECYCLE/STOPPED_FAILED`,
    `${domainUuid(transient)} LIFECYCLE/STOPPED_FAILED`,
  ]);
  await observed.stop();
  await observed.start();
  await observed.waitForPoll();
  expect(observed.summaries).toHaveLength(2);
});

test('a whole life and death while the monitor was down is reported', async () => {
  const vm = next();
  await lab.boot(vm);
  await observed.start();
  await lab.signal('KILL', vm);
  await observed.waitForReports(1);
  await observed.stop();
  await lab.start(vm);
  await lab.signal('KILL', vm);
  await lab.waitForState(vm, 'shut off (crashed)');
  await observed.start();
  await observed.waitForReports(2);
  expect(observed.summaries[1]).toBe(`${domainUuid(vm)} LIFECYCLE/STOPPED_FAILED`);
});

test('a death while libvirtd was down is reported when it is back; running guests are not reported', async () => {
  const [killed, alive, panicked] = [next(), next(), next()];
  for (const vm of [killed, alive, panicked]) await lab.boot(vm);
  await lab.typeToGuest(panicked, 'n');
  await observed.start();
  await lab.signalLibvirtd('TERM');
  await lab.killUndetected(killed);
  await lab.typeToGuest(panicked, 'p');
  await waitUntil({ what: 'the monitor to report that it is blind', seconds: 30 }, () =>
    observed.blind > 0 ? true : undefined,
  );
  const before = Date.now();
  await lab.startLibvirtd();
  await observed.waitForReports(2);
  expect(observed.summaries.toSorted()).toEqual([
    `${domainUuid(killed)} LIFECYCLE/STOPPED_FAILED`,
    `${domainUuid(panicked)} LIFECYCLE/STOPPED_FAILED`,
  ]);
  measured.push(`  deaths while libvirtd was down: ${(observed.reports[1]?.at ?? 0) - before} ms after its start`);
  expect(await lab.state(alive)).toMatch(/^running/);
});

test('a death whose reason libvirtd forgot is found in the log of the domain; without the log Nova decides', async () => {
  const [logged, unlogged, stopped] = [next(), next(), next()];
  for (const vm of [logged, unlogged, stopped]) await lab.boot(vm);
  await observed.start();
  await observed.stop();
  await lab.signal('KILL', logged, unlogged, stopped);
  for (const vm of [logged, unlogged, stopped]) await lab.waitForState(vm, 'shut off (crashed)');
  lab.dropLogs(unlogged, stopped);
  observed.nova.set(domainUuid(stopped), { ...ACTIVE, vmState: 'stopped' });
  await lab.signalLibvirtd('KILL');
  await lab.startLibvirtd();
  for (const vm of [logged, unlogged, stopped]) expect(await lab.state(vm)).toBe('shut off (unknown)');
  await observed.start();
  await observed.waitForReports(2);
  expect(observed.summaries.toSorted()).toEqual([
    `${domainUuid(logged)} LIFECYCLE/STOPPED_FAILED`,
    `${domainUuid(unlogged)} LIFECYCLE/STOPPED_FAILED`,
  ]);
});

test('a libvirtd that hangs is noticed, and what happened meanwhile is reported after it', async () => {
  const vm = next();
  await lab.boot(vm);
  await observed.start();
  await lab.signalLibvirtd('STOP');
  const before = Date.now();
  try {
    await waitUntil({ what: 'the monitor to be blind', seconds: 60 }, () => (observed.blind > 0 ? true : undefined));
    measured.push(`  a libvirtd that hangs: ${Date.now() - before} ms`);
    await lab.killUndetected(vm);
  } finally {
    await lab.signalLibvirtd('CONT');
  }
  await observed.waitForReports(1);
  expect(observed.summaries).toEqual([`${domainUuid(vm)} LIFECYCLE/STOPPED_FAILED`]);
});

test('50 guests killed at once are 50 reports', async () => {
  const vms = Array.from({ length: 50 }, next);
  for (const vm of vms) await lab.boot(vm);
  await observed.start();
  const before = Date.now();
  await lab.signal('KILL', ...vms);
  await observed.waitForReports(50);
  expect(observed.summaries.toSorted()).toEqual(
    vms.map((vm) => `${domainUuid(vm)} LIFECYCLE/STOPPED_FAILED`).toSorted(),
  );
  const times = observed.reports.map(({ at }) => at - before);
  measured.push(
    `  50 guests killed at once: the first after ${Math.min(...times)} ms, the last after ${Math.max(...times)} ms`,
  );
});
