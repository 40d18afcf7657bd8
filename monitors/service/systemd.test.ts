import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ServiceManager, watchdogIntervalMs } from './systemd.ts';

test('the watchdog is notified three times within its timeout', () => {
  expect(watchdogIntervalMs({ NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: '60000000' })).toBe(20_000);
  expect(watchdogIntervalMs({ WATCHDOG_USEC: '60000000' })).toBeUndefined();
  expect(watchdogIntervalMs({ NOTIFY_SOCKET: '/run/systemd/notify' })).toBeUndefined();
  expect(watchdogIntervalMs({ NOTIFY_SOCKET: '@x', WATCHDOG_USEC: 'soon' })).toBeUndefined();
});

test('notifications keep their order, and a secret of the environment is not passed on', async () => {
  // This systemd-notify writes down how it was started; the lab of packages runs the real one.
  const folder = mkdtempSync(join(tmpdir(), 'systemd-'));
  const received = join(folder, 'received');
  try {
    writeFileSync(join(folder, 'systemd-notify'), `#!/bin/sh\necho "$@" "$NOTIFY_SOCKET" "$SECRET" >>${received}\n`);
    chmodSync(join(folder, 'systemd-notify'), 0o755);
    const environment = { NOTIFY_SOCKET: '/run/notify', PATH: `${folder}:/usr/bin:/bin`, SECRET: 'hidden' };
    const manager = new ServiceManager(environment, () => {});
    await Promise.all([manager.notify('READY=1', 'STATUS=watching'), manager.notify('WATCHDOG=1')]);
    expect(readFileSync(received, 'utf8').split('\n')).toEqual([
      'READY=1 STATUS=watching /run/notify ',
      'WATCHDOG=1 /run/notify ',
      '',
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a waiting watchdog notification is not queued twice, and the end waits for all notifications', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'systemd-'));
  const received = join(folder, 'received');
  try {
    writeFileSync(join(folder, 'systemd-notify'), `#!/bin/sh\necho "$@" >>${received}\n`);
    chmodSync(join(folder, 'systemd-notify'), 0o755);
    const environment = { NOTIFY_SOCKET: '/run/notify', PATH: `${folder}:/usr/bin:/bin` };
    const manager = new ServiceManager(environment, () => {});
    for (let n = 0; n < 5; n += 1) void manager.alive();
    void manager.notify('STOPPING=1');
    await manager.settled();
    expect(readFileSync(received, 'utf8').split('\n')).toEqual(['WATCHDOG=1', 'STOPPING=1', '']);
    await manager.alive();
    expect(readFileSync(received, 'utf8').split('\n')).toEqual(['WATCHDOG=1', 'STOPPING=1', 'WATCHDOG=1', '']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('outside of systemd nothing is sent, and a failed notification is logged', async () => {
  const reported: string[] = [];
  const log = (_: string, message: string): number => reported.push(message);
  await new ServiceManager({}, log).notify('READY=1');
  expect(reported).toEqual([]);
  await new ServiceManager({ NOTIFY_SOCKET: '/run/notify', PATH: '/nowhere' }, log).notify('READY=1');
  expect(reported).toEqual(['systemd could not be notified']);
});

test('text that cannot be an argument is sent without its invalid parts, and later notifications follow', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'systemd-'));
  const received = join(folder, 'received');
  try {
    writeFileSync(join(folder, 'systemd-notify'), `#!/bin/sh\necho "$@" >>${received}\n`);
    chmodSync(join(folder, 'systemd-notify'), 0o755);
    const reported: string[] = [];
    const environment = { NOTIFY_SOCKET: '/run/notify', PATH: `${folder}:/usr/bin:/bin` };
    const manager = new ServiceManager(environment, (_, message) => reported.push(message));
    await manager.notify('STATUS=libvirt: a\0b\nREADY=1');
    await manager.notify(`STATUS=${'x'.repeat(200_000)}`);
    await manager.notify('WATCHDOG=1');
    expect(readFileSync(received, 'utf8').split('\n')).toEqual([
      'STATUS=libvirt: a b READY=1',
      `STATUS=${'x'.repeat(993)}`,
      'WATCHDOG=1',
      '',
    ]);
    expect(reported).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
