/**
 * The watched units of a host without a list: those of nova-compute and of libvirt's QEMU driver that are installed.
 *
 * Invariant: only one of libvirt's two daemons is watched. If both are installed, the daemon whose service or socket is enabled is
 * watched; if neither is enabled, the monolithic one.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemPath } from '#config/document/files.ts';
import type { UnitEntry } from './entry.ts';

/** systemd.unit(5): where packages and operators put units. */
const UNIT_FOLDERS = ['/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];
const WANTS = ['multi-user.target.wants', 'sockets.target.wants'].map((folder) => join('/etc/systemd/system', folder));

/** Debian's name and RDO's. */
const NOVA_COMPUTE = ['nova-compute', 'openstack-nova-compute'];
const LIBVIRT = ['libvirtd', 'virtqemud'];

export function defaultEntries(): readonly UnitEntry[] {
  const nova = NOVA_COMPUTE.find(isInstalled);
  const libvirt = LIBVIRT.filter(isInstalled);
  return [nova, libvirt.find(isEnabled) ?? libvirt[0]].flatMap((name) => (name === undefined ? [] : [entryOf(name)]));
}

function isInstalled(name: string): boolean {
  return UNIT_FOLDERS.some((folder) => existsSync(systemPath(join(folder, `${name}.service`))));
}

function isEnabled(name: string): boolean {
  return WANTS.some((folder) =>
    ['service', 'socket'].some((kind) => existsSync(systemPath(join(folder, `${name}.${kind}`)))),
  );
}

function entryOf(name: string): UnitEntry {
  const unit = `${name}.service`;
  return { kind: 'unit', key: `unit ${unit}`, reportAs: name.replace(/^openstack-/, ''), unit, whenStopped: 'leave' };
}
