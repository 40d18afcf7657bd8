import { describe, expect, test } from 'vitest';
import { collectionOf, fakeBmc, looker, readOnce, systemOf } from '#test/world/bmc-fake.ts';
import { chooseSystem, memberPath, powerIn } from './system.ts';

const PATH = '/redfish/v1/Systems/1';
const UUID = '4C4C4544-0051-3610-8052-B4C04F4E3132';
const requested = { path: PATH, answeredPath: PATH, uuid: undefined };

describe('the representation of a system', () => {
  test.each([
    [{ PowerState: 'Off' }],
    [{ '@odata.id': `${PATH}/`, PowerState: 'Off' }],
    [{ '@odata.id': '/redfish/v1/systems/1', Id: '1', PowerState: 'Off' }],
    [{ '@odata.id': PATH, Id: 'Server-1', PowerState: 'Off' }],
    [{ Id: '1', PowerState: 'Off', Status: { State: 'StandbyOffline' } }],
  ])('%j is power off', (body) => expect(powerIn(body, requested)).toBe('off'));

  test.each([
    [{ '@odata.id': '/redfish/v1/Systems/2', Id: '1', PowerState: 'Off' }, 'another system: its @odata.id is'],
    [{ Id: '2', PowerState: 'Off' }, 'another system: its Id is "2"'],
    [{ Id: '1', PowerState: 'Off', Status: { State: 'Absent' } }, 'is absent'],
    [{ Id: '1', PowerState: 'PoweredOff' }, 'PowerState is "PoweredOff"'],
    [{ Id: '1', Oem: { PowerState: 'Off' } }, 'PowerState is missing'],
    [[], 'is no representation'],
    [null, 'is no representation'],
    [undefined, 'is no representation'],
    ['Off', 'is no representation'],
  ])('%j proves nothing', (body, reason) => expect(() => powerIn(body, requested)).toThrow(reason));

  test('must have the UUID of the inventory where that has one', () => {
    const withUuid = { ...requested, uuid: UUID };
    expect(powerIn({ Id: '1', UUID: UUID.toLowerCase(), PowerState: 'Off' }, withUuid)).toBe('off');
    expect(() => powerIn({ Id: '1', PowerState: 'Off' }, withUuid)).toThrow('its UUID is missing');
    expect(() => powerIn({ Id: '1', UUID: UUID.replace('4', '5'), PowerState: 'Off' }, withUuid)).toThrow(
      'its UUID is',
    );
  });
});

test.each([
  '/redfish/v1/Systems/..',
  '/redfish/v1/Systems/%2e%2e',
  '/redfish/v1/Chassis/1',
  'Systems/1',
  '/redfish/v1/Systems/1/Bios',
])('%s is no member of the systems', (path) => expect(memberPath(path)).toBeUndefined());

test('the only system stays the only one that is chosen', () => {
  const first = chooseSystem([PATH], undefined);
  expect(first).toEqual({ path: PATH });
  expect(chooseSystem([PATH], first)).toEqual({ path: PATH });
  expect(chooseSystem(['/redfish/v1/Systems/2'], first)).toMatchObject({
    refused: expect.stringContaining('"1" before'),
  });
  const several = chooseSystem([PATH, '/redfish/v1/Systems/2'], undefined);
  expect(several).toMatchObject({ refused: expect.stringContaining('2 systems ("1", "2")') });
  expect(chooseSystem([PATH], several)).toMatchObject({ refused: expect.stringContaining('several systems before') });
});

describe('the collection', () => {
  const paged = (pages: Readonly<Record<string, object>>) =>
    fakeBmc(({ path }) => ({ body: pages[path] ?? systemOf(path.split('/').at(-1) ?? '', 'Off') }));

  test('has pages', async () => {
    const next = '/redfish/v1/Systems?$skip=1';
    const { port } = await paged({
      '/redfish/v1/Systems': { ...collectionOf('1'), 'Members@odata.count': 2, 'Members@odata.nextLink': next },
      [next]: { ...collectionOf('2'), 'Members@odata.count': 2 },
    });
    expect(await readOnce(port)).toContain('has 2 systems ("1", "2")');
  });

  test('that is incomplete chooses nothing', async () => {
    const { port } = await paged({ '/redfish/v1/Systems': { ...collectionOf('1'), 'Members@odata.count': 2 } });
    expect(await readOnce(port)).toContain('lists 1 of its 2 systems');
    const circle = await paged({
      '/redfish/v1/Systems': { ...collectionOf('1'), 'Members@odata.nextLink': '/redfish/v1/Systems?page=1' },
      '/redfish/v1/Systems?page=1': { ...collectionOf('1'), 'Members@odata.nextLink': '/redfish/v1/Systems?page=1' },
    });
    expect(await readOnce(circle.port)).toContain('lists more than');
    const elsewhere = await paged({
      '/redfish/v1/Systems': { ...collectionOf('1'), 'Members@odata.nextLink': 'https://evil.example/x' },
    });
    expect(await readOnce(elsewhere.port)).toContain('outside of it');
    expect(await readOnce((await paged({ '/redfish/v1/Systems': collectionOf() })).port)).toContain('lists no system');
  });

  test('that loses all but another host proves nothing', async () => {
    let ids = ['1', '2'];
    const { port } = await fakeBmc(({ path }) => ({
      body: path.endsWith('/Systems') ? collectionOf(...ids) : systemOf(path.split('/').at(-1) ?? '', 'Off'),
    }));
    const source = await looker(port);
    ids = [];
    expect(await source.read()).toContain('lists no system');
    ids = ['1', '2'];
    await source.read();
    ids = ['2'];
    expect(await source.read()).toContain('the BMC had several systems before');
  });

  test('is shown where the system of the inventory does not exist', async () => {
    const { port } = await fakeBmc(({ path }) =>
      path.endsWith('/Systems') ? { body: collectionOf('a', 'b') } : { status: 404 },
    );
    expect(await readOnce(port, ', system: c')).toContain('the BMC has no system "c"; it has "a", "b"');
  });
});

test('a BMC that lists no system while it starts is read afterwards', async () => {
  let ids: string[] = [];
  const { port } = await fakeBmc(({ path }) => ({
    body: path.endsWith('/Systems') ? collectionOf(...ids) : systemOf('1', 'Off'),
  }));
  const source = await looker(port);
  expect(await source.read()).toContain('lists no system');
  ids = ['1'];
  expect(await source.read()).toBe('down power off');
});

test('an IPv6 address is read, and its certificate verified', async () => {
  const bmc = await fakeBmc(() => ({}), {}, '::1');
  expect(await (await looker(bmc.port, '', '::1')).read()).toContain("does not match certificate's altnames");
});

test('old TLS is refused with the reason', async () => {
  const old = await fakeBmc(() => ({}), { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' });
  expect(await readOnce(old.port)).toContain('the server has no TLS 1.2 or newer');
  expect(old.seen).toEqual([]);
});
