import { expect, test } from 'vitest';
import { type BlindMonitor, BlindMonitors } from './blind-monitors.ts';

const LIBVIRT = { monitor: 'instance', reason: 'libvirtd does not answer', since: 1_000 };
const GUEST = { monitor: 'guest', reason: 'libvirtd does not answer', since: 2_000 };
const blindReport = (blind: readonly BlindMonitor[], seeing: readonly string[] = []) => ({ blind, seeing });

test('monitors that became blind or recovered are reported once, host by host', () => {
  const blind = new BlindMonitors();
  expect(blind.take('c1', blindReport([LIBVIRT], ['guest']), 5_000)).toEqual(blindReport([LIBVIRT]));
  expect(blind.take('c1', blindReport([LIBVIRT, GUEST]), 6_000)).toEqual(blindReport([GUEST]));
  expect(blind.take('c2', blindReport([LIBVIRT]), 6_000)).toEqual(blindReport([LIBVIRT]));
  expect(blind.take('c1', blindReport([GUEST], ['instance']), 7_000)).toEqual(blindReport([], ['instance']));
  expect(blind.take('c1', blindReport([], ['instance', 'guest']), 8_000)).toEqual(blindReport([], ['guest']));
  expect(blind.list(8_000).map(({ host, monitor }) => `${monitor} on ${host}`)).toEqual(['instance on c2']);
});

test('two processes on one host speak for their own monitors only', () => {
  const blind = new BlindMonitors();
  blind.take('c1', blindReport([LIBVIRT]), 1_000);
  expect(blind.take('c1', blindReport([], ['process']), 2_000)).toEqual(blindReport([]));
  expect(blind.list(3_000).map(({ monitor }) => monitor)).toEqual(['instance']);
});

test('what is not repeated is forgotten', () => {
  const blind = new BlindMonitors();
  blind.take('c1', blindReport([LIBVIRT]), 0);
  expect(blind.list(180_000)).toEqual([{ host: 'c1', ...LIBVIRT, since: '1970-01-01T00:00:01.000Z' }]);
  expect(blind.list(180_001)).toEqual([]);
});

test('a host that names ever new monitors, or spells itself in other ways, displaces no other hosts', () => {
  const blind = new BlindMonitors();
  blind.take('c2', blindReport([LIBVIRT]), 0);
  for (let n = 0; n < 10_000; n += 1) {
    blind.take(n % 2 === 0 ? 'evil' : 'EVIL', blindReport([{ ...LIBVIRT, monitor: `m${n}` }]), 0);
  }
  const hosts = blind.list(0).map(({ host }) => host.toLowerCase());
  expect([hosts.length, hosts[0]]).toEqual([17, 'c2']);
});

test('they are bounded: the one that spoke longest ago is forgotten', () => {
  const blind = new BlindMonitors();
  for (let host = 0; host < 10_001; host += 1) blind.take(`c${host}`, blindReport([LIBVIRT]), 0);
  const hosts = blind.list(0).map(({ host }) => host);
  expect([hosts.length, hosts[0], hosts.at(-1)]).toEqual([10_000, 'c1', 'c10000']);
});
