import { describe, expect, test } from 'vitest';
import { type PlayedDomain, ScriptedLibvirtd } from '#test/world/scripted-libvirtd.ts';
import { LibvirtConnection } from './connection.ts';
import { controlOf, isRunning, listDomains, stateOf, xmlOf } from './domains.ts';
import { pingAgent, probeQemu } from './qemu.ts';

const DOMAIN: PlayedDomain = {
  name: 'instance-00000001',
  uuid: '11111111-0000-4000-8000-000000000001',
  id: 7,
  xml: '<domain/>',
  state: 3,
  control: [2, 70_000],
  agent: 'answers',
  qemu: 'answers',
};
const NAME = { name: DOMAIN.name, uuid: DOMAIN.uuid, id: DOMAIN.id };

async function withLibvirtd(act: (on: LibvirtConnection, libvirtd: ScriptedLibvirtd) => Promise<void>): Promise<void> {
  await using libvirtd = await ScriptedLibvirtd.start();
  const connection = await LibvirtConnection.open(libvirtd.path, { uri: 'qemu:///system', access: 'read-write' });
  try {
    await act(connection, libvirtd);
  } finally {
    connection.close();
  }
}

test('a domain is listed with its state, and its state, control and XML are read', () =>
  withLibvirtd(async (on, libvirtd) => {
    libvirtd.domains.push({ ...DOMAIN });
    expect(await listDomains(on)).toEqual([{ ...NAME, state: 3, reason: 0 }]);
    expect(await stateOf(on, NAME)).toEqual({ state: 3, reason: 0 });
    expect(await controlOf(on, NAME)).toEqual({ state: 'occupied', forMs: 70_000 });
    expect(await xmlOf(on, NAME)).toBe('<domain/>');
  }));

test('a domain that no longer exists is a result, and the connection stays open', () =>
  withLibvirtd(async (on) => {
    expect(await listDomains(on)).toEqual([]);
    expect(await Promise.all([stateOf(on, NAME), controlOf(on, NAME), xmlOf(on, NAME)])).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(on.isOpen).toBe(true);
  }));

describe('an agent', () => {
  test.each([
    ['that responds', 'answers', 'answered'],
    ['that is not connected or does not respond', { code: 86, message: '' }, 'silent'],
    ['that responds out of sequence', { code: 97, message: '' }, 'silent'],
    ['that timed out', { code: 112, message: '' }, 'silent'],
    ['that libvirt cannot query', { code: 68, message: 'busy' }, { unknown: 'libvirt: busy' }],
  ] as const)('%s', (_, agent, expected) =>
    withLibvirtd(async (on, libvirtd) => {
      libvirtd.domains.push({ ...DOMAIN, agent });
      expect(await pingAgent(on, NAME, 2000)).toEqual(expected);
    }),
  );
});

test('a QEMU with an unanswered request does not delay other calls', () =>
  withLibvirtd(async (on, libvirtd) => {
    libvirtd.domains.push({ ...DOMAIN, qemu: 'nothing' });
    const probe = probeQemu(on, NAME);
    expect(await controlOf(on, NAME)).toMatchObject({ state: 'occupied' });
    on.close();
    await expect(probe).rejects.toThrow(/was closed/);
  }));

test.each([
  [0, false],
  [1, true],
  [2, true],
  [3, false],
  [4, false],
  [5, false],
  [6, false],
  [7, false],
])('in state %d a guest is running: %s', (state, expected) => {
  expect(isRunning({ state })).toBe(expected);
});
