import { describe, expect, test } from 'vitest';
import { type Reply, ScriptedCloud, type Seen } from '#test/world/scripted-cloud.ts';

const SERVERS = 'GET /v2.1/servers/detail';
const DATE = 'Sat, 03 Jan 2026 10:00:00 GMT';

function server(id: string) {
  return {
    id,
    name: id,
    tenant_id: 'p',
    status: 'ACTIVE',
    metadata: {},
    locked: false,
    'OS-EXT-SRV-ATTR:host': 'h',
    'OS-EXT-STS:vm_state': 'active',
    'OS-EXT-STS:task_state': null,
    'OS-EXT-STS:power_state': 1,
  };
}

const ids = Array.from({ length: 2500 }, (_, i) => `i-${i}`);

/** As Nova pages: `limit` or 1000 entries after the marker, and a link while there may be more. */
function page(seen: Seen, max = 1000): Reply {
  const marker = seen.query.get('marker');
  const from = marker === null ? 0 : ids.indexOf(marker) + 1;
  const servers = ids.slice(from, from + Math.min(max, Number(seen.query.get('limit') ?? max))).map(server);
  const links = servers.length === max ? { servers_links: [{ rel: 'next', href: 'http://wrong.invalid/' }] } : {};
  return { json: { servers, ...links }, headers: { date: DATE } };
}

describe('a listing', () => {
  test('of 2500 instances is read page by page, and is as old as its first page', async () => {
    await using cloud = await ScriptedCloud.start();
    let pages = 0;
    cloud.on(SERVERS, (seen) => {
      const reply = page(seen);
      return pages++ === 0 ? reply : { ...reply, headers: { date: 'Sat, 03 Jan 2026 11:00:00 GMT' } };
    });
    const listing = await cloud.client().listInstances({});
    expect(listing.items.map((each) => each.uuid)).toEqual(ids);
    expect(listing.at).toEqual(new Date(DATE));
    expect(cloud.requests(SERVERS).map((each) => each.query.get('marker'))).toEqual([null, 'i-999', 'i-1999']);
  });

  test('with pages of our size ends with a short or an empty one, links or not', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(SERVERS, (seen) => page(seen, 500));
    const listing = await cloud.client({ options: { pageSize: 500 } }).listInstances({});
    expect(listing.items).toHaveLength(2500);
    expect(cloud.requests(SERVERS)).toHaveLength(6);
  });

  test('that goes in a circle is noticed', async () => {
    await using cloud = await ScriptedCloud.start();
    const json = { servers: [server('a'), server('b')], servers_links: [{ rel: 'next', href: 'x' }] };
    cloud.on(SERVERS, { json, headers: { date: DATE } });
    const error = { kind: 'unknown', message: 'the pages of the list of instances go in a circle at b' };
    await expect(cloud.client().listInstances({})).rejects.toMatchObject(error);
    expect(cloud.requests(SERVERS)).toHaveLength(2);
  });

  test.each([
    [1, 1000],
    [1000, 200],
  ])('without an end, each page of %i entries another one, is noticed', async (size, pages) => {
    await using cloud = await ScriptedCloud.start();
    let page = 0;
    cloud.on(SERVERS, () => {
      page += 1;
      const servers = Array.from({ length: size }, (_, i) => ({ id: `${page}-${i}`, status: 'DELETED' }));
      return { json: { servers, servers_links: [{ rel: 'next', href: 'x' }] }, headers: { date: DATE } };
    });
    const message = `the list of instances of GET /servers/detail has no end: there is more after ${pages} pages with ${size * pages} entries`;
    await expect(cloud.client().listInstances({})).rejects.toMatchObject({ kind: 'unknown', message });
  });

  test('starts again when the instance of its marker is gone, and takes the later form of one seen twice', async () => {
    await using cloud = await ScriptedCloud.start();
    const next = { servers_links: [{ rel: 'next', href: 'x' }] };
    const gone = { badRequest: { code: 400, message: 'marker [b] not found' } };
    cloud.on(
      SERVERS,
      { json: { servers: [server('b')], ...next }, headers: { date: DATE } },
      { status: 400, json: gone },
      { json: { servers: [server('a')], ...next }, headers: { date: 'Sat, 03 Jan 2026 10:00:09 GMT' } },
      { json: { servers: [server('c'), { ...server('a'), name: 'later' }] } },
    );
    const listing = await cloud.client().listInstances({});
    expect(listing.items.map((each) => each.name)).toEqual(['later', 'c']);
    expect(listing.at).toEqual(new Date('2026-01-03T10:00:09Z'));
    cloud.on(SERVERS, (seen) =>
      seen.query.has('marker') ? { status: 400, json: gone } : { json: { servers: [server('b')], ...next } },
    );
    await expect(cloud.client().listInstances({})).rejects.toMatchObject({ kind: 'refused', status: 400 });
  });

  test("takes Keystone's time if Nova's server sends no Date, and refuses if neither sends one", async () => {
    await using cloud = await ScriptedCloud.start();
    const body = '{"servers":[]}';
    const raw = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    cloud.on(SERVERS, { instead: { raw } });
    let now = 0;
    const clock = { boottime: () => now, sleep: async () => {} };
    const token = (seen: Seen) => {
      const reply = cloud.tokenReply(seen);
      const times = { issued_at: '2026-01-03T10:00:00.000000Z', expires_at: '2026-01-03T11:00:00.000000Z' };
      return {
        ...reply,
        headers: { ...reply.headers, date: DATE },
        json: { token: { ...(reply.json as { token: object }).token, ...times } },
      };
    };
    cloud.on('POST /v3/auth/tokens', token);
    const client = cloud.client({ options: { clock } });
    await client.listInstances({});
    now += 90_000;
    expect((await client.listInstances({})).at).toEqual(new Date('2026-01-03T10:01:30Z'));
    cloud.on('POST /v3/auth/tokens', (seen) => {
      const reply = cloud.tokenReply(seen);
      const { catalog } = (reply.json as { token: { catalog: unknown } }).token;
      return { ...reply, headers: { ...reply.headers, date: 'now' }, json: { token: { catalog } } };
    });
    const error = { kind: 'refused', message: expect.stringMatching(/neither Nova nor Keystone returns the time/) };
    await expect(cloud.client().listInstances({})).rejects.toMatchObject(error);
  });
});
