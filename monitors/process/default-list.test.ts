import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { defaultEntries } from './default-list.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'recovery-agent-units-'));
  vi.stubEnv('RECOVERY_AGENT_ROOT', root);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

const PACKAGED = '/usr/lib/systemd/system';
const ENABLED = '/etc/systemd/system';

test.each([
  [[], []],
  [
    [`${PACKAGED}/nova-compute.service`, `${PACKAGED}/libvirtd.service`],
    ['nova-compute nova-compute', 'libvirtd libvirtd'],
  ],
  [
    ['/lib/systemd/system/openstack-nova-compute.service', `${PACKAGED}/virtqemud.service`],
    ['openstack-nova-compute nova-compute', 'virtqemud virtqemud'],
  ],
  [[`${PACKAGED}/libvirtd.service`, `${PACKAGED}/virtqemud.service`], ['libvirtd libvirtd']],
  [
    [
      `${PACKAGED}/libvirtd.service`,
      `${PACKAGED}/virtqemud.service`,
      `${ENABLED}/sockets.target.wants/virtqemud.socket`,
    ],
    ['virtqemud virtqemud'],
  ],
])('with %j the units are %j', (files, expected) => {
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), '');
  }
  expect(defaultEntries().map(({ unit, reportAs }) => `${unit.replace('.service', '')} ${reportAs}`)).toEqual(expected);
});
