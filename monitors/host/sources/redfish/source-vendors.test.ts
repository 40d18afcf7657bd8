/** Redfish services with publicly documented behaviour of their vendors. Each has its source. */
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  BASIC,
  collectionOf,
  type FakeRequest,
  type FakeResponse,
  fakeBmc,
  looker,
  oneSystem,
  type Respond,
  readOnce,
  systemOf,
  USER,
} from '#test/world/bmc-fake.ts';

const OFF = 'down power off';
const ROOT = '/redfish/v1/';
const unauthorised = (headers = {}): FakeResponse => ({ status: 401, headers, body: {} });
const errorOf = (status: number, MessageId: string): FakeResponse => ({
  status,
  body: { error: { code: 'Base.1.5.GeneralError', '@Message.ExtendedInfo': [{ MessageId, Message: 'Some text.' }] } },
});

/** Sessions as DSP0266 has them, at most `limit` at a time. */
function sessions(collection: string, limit: number, full: FakeResponse) {
  const open = new Set<string>();
  let made = 0;
  const respond = ({ method, path, headers, body }: FakeRequest): FakeResponse | undefined => {
    if (method === 'POST' && path === collection) {
      if (headers.authorization !== undefined) return { status: 415 };
      if (JSON.parse(body).UserName !== USER) return unauthorised();
      if (open.size >= limit) return full;
      made += 1;
      open.add(`token-${made}`);
      return { status: 201, headers: { 'x-auth-token': `token-${made}`, location: `${collection}/${made}` }, body: {} };
    }
    if (method === 'DELETE' && path.startsWith(`${collection}/`)) {
      open.delete(`token-${path.split('/').at(-1)}`);
      return { status: 204 };
    }
    return undefined;
  };
  const isIn = ({ headers }: FakeRequest) => open.has(String(headers['x-auth-token']));
  return { open, respond, isIn, logins: () => made };
}

const only =
  (resources: (path: string) => object | undefined): Respond =>
  (request) => {
    if (request.headers.authorization !== BASIC) return unauthorised();
    const body = resources(request.path);
    return body === undefined ? { status: 404 } : { body };
  };

describe('vendors', () => {
  // Source: DMTF/Redfish-Mockup-Creator, issues 56 and 58: since iLO 5 2.30 parts of the tree exist as gzip only, and a client that
  // does not accept it gets 406. ansible/ansible, issue 48296: iLO redirects a path without "/" to the one with it.
  test('HPE iLO 5: redirects to the path with "/", responds with gzip or 406', async () => {
    const resources = oneSystem('1', 'Off');
    const { port, seen } = await fakeBmc(({ path, headers }) => {
      if (!path.endsWith('/')) return { status: 308, headers: { location: `${path}/` } };
      if (!String(headers['accept-encoding']).includes('gzip')) return { status: 406 };
      return { headers: { 'content-encoding': 'gzip' }, body: gzipSync(JSON.stringify(resources(path.slice(0, -1)))) };
    });
    expect(await readOnce(port)).toBe(OFF);
    expect(seen).toHaveLength(4);
  });

  // Source: bmc-toolbox/bmclib, pull request 80: iDRAC 9 requires an Accept header. gofish, issue 75: 503 with RAC0218 at the
  // limit of sessions. dell/iDRAC-Redfish-Scripting, issue 371: iDRAC 10 no longer offers basic authentication by default.
  test('Dell iDRAC: sessions where basic is refused, one at a time, none left behind', async () => {
    const table = sessions('/redfish/v1/SessionService/Sessions', 1, errorOf(503, 'IDRAC.2.1.RAC0218'));
    const resources = oneSystem('System.Embedded.1', 'Off');
    const { port } = await fakeBmc((request) => {
      if (request.headers.accept === undefined) return { status: 406 };
      const answer = table.respond(request);
      if (answer !== undefined) return answer;
      if (request.path === ROOT) {
        return { body: { Links: { Sessions: { '@odata.id': '/redfish/v1/SessionService/Sessions' } } } };
      }
      return table.isIn(request) ? { body: resources(request.path) ?? {} } : unauthorised();
    });
    const source = await looker(port);
    expect([await source.read(), await source.read(), await source.read()]).toEqual([OFF, OFF, OFF]);
    expect([table.logins(), table.open.size]).toEqual([3, 0]);
    table.open.add('of another client');
    expect(await source.read()).toContain('returned HTTP 503 (IDRAC.2.1.RAC0218)');
  });

  // Source: mrlhansen/idrac_exporter, issue 132: iDRAC 8 responds 405 to POST /redfish/v1/SessionService/Sessions; its sessions are
  // in /redfish/v1/Sessions, as Links.Sessions of its root has it.
  test('Dell iDRAC 8: sessions are where the root names them', async () => {
    const table = sessions('/redfish/v1/Sessions', 4, { status: 503 });
    const resources = oneSystem('System.Embedded.1', 'Off');
    const { port, seen } = await fakeBmc((request) => {
      if (request.path === ROOT) return { body: { Links: { Sessions: { '@odata.id': '/redfish/v1/Sessions' } } } };
      if (request.path.startsWith('/redfish/v1/SessionService')) return { status: 405 };
      return table.respond(request) ?? (table.isIn(request) ? { body: resources(request.path) ?? {} } : unauthorised());
    });
    expect(await readOnce(port, ', auth: session')).toBe(OFF);
    expect(seen.at(-1)).toBe('DELETE /redfish/v1/Sessions/1');
  });

  // Source: bb-Ricardo/check_redfish, issue 90: sessions of an iDRAC end before their time, requests get 401 then.
  test('a session that ended between two requests is opened again once', async () => {
    const table = sessions('/redfish/v1/SessionService/Sessions', 4, { status: 503 });
    const resources = oneSystem('1', 'Off');
    let reads = 0;
    const { port } = await fakeBmc((request) => {
      const answer = table.respond(request);
      if (answer !== undefined || request.path === ROOT) return answer ?? { status: 404 };
      if (!table.isIn(request)) return unauthorised();
      reads += 1;
      if (reads === 1) table.open.clear();
      return { body: resources(request.path) ?? {} };
    });
    expect(await readOnce(port, ', auth: session')).toBe(OFF);
    expect([table.logins(), table.open.size]).toEqual([2, 0]);
  });

  test('a session that only the body names is deleted too', async () => {
    const path = '/redfish/v1/SessionService/Sessions/7';
    const { port, seen } = await fakeBmc((request) => {
      if (request.method !== 'POST') return { body: oneSystem('1', 'Off')(request.path) ?? {} };
      return { status: 201, headers: { 'x-auth-token': 't' }, body: { '@odata.id': path, Id: '7' } };
    });
    expect(await readOnce(port, ', auth: session')).toBe(OFF);
    expect(seen.at(-1)).toBe(`DELETE ${path}`);
  });

  // Source: openbmc/bmcweb, issue 16: any Id has a response, with links and without PowerState. ibm-openbmc/bmcweb, pull request 1021,
  // and ibm-openbmc/dev, issue 3211: "hypervisor" is a second system, which has a PowerState of its own.
  test('OpenBMC: "hypervisor" is not the host, and a system that does not exist is not without power', async () => {
    const { port } = await fakeBmc(
      only((path) => {
        if (path === '/redfish/v1/Systems') return collectionOf('system', 'hypervisor');
        const id = path.split('/').at(-1) ?? '';
        if (id === 'system') return systemOf(id, 'On');
        return id === 'hypervisor' ? systemOf(id, 'Off') : { '@odata.id': path, Actions: {} };
      }),
    );
    expect(await readOnce(port)).toContain('has 2 systems ("system", "hypervisor")');
    expect(await readOnce(port, ', system: system')).toBe('unknown powered on');
    expect(await readOnce(port, ', system: sytsem')).toContain('PowerState is missing');
  });

  // Source: metal3-io/ironic-image, issue 688: Supermicro responds 403 with this MessageId to what needs a licence.
  test('Supermicro without a licence is blind with the reason', async () => {
    const { port } = await fakeBmc(({ path }) =>
      path === '/redfish/v1/Systems' ? errorOf(403, 'SMC.1.0.OemLicenseNotPassed') : { status: 401 },
    );
    expect(await readOnce(port)).toMatch(/blind.*returned HTTP 403 \(SMC.1.0.OemLicenseNotPassed\).*no session either/);
  });

  // Source: bb-Ricardo/check_redfish, pull request 187: older Supermicro BMCs redirect the POST of a session to the path with "/".
  test.each([301, 307, 308])('Supermicro: %i of the login keeps method and body', async (status) => {
    const table = sessions('/redfish/v1/SessionService/Sessions', 1, { status: 503 });
    const resources = oneSystem('1', 'Off');
    const { port, seen } = await fakeBmc((request) => {
      const { method, path } = request;
      if (method === 'POST' && !path.endsWith('/')) return { status, headers: { location: `${path}/` } };
      return (
        table.respond(method === 'POST' ? { ...request, path: path.slice(0, -1) } : request) ??
        (table.isIn(request) ? { body: resources(path) ?? {} } : unauthorised())
      );
    });
    expect(await readOnce(port, ', auth: session')).toBe(OFF);
    expect([seen.filter((call) => call.startsWith('POST')).length, table.open.size]).toEqual([2, 0]);
  });

  // Source: PegaProx/project-pegaprox, issue 609: a Lenovo x3650 M5 redirects from port 443 to port 8080, and there to the path with "/".
  test('Lenovo: another port is another origin, which the reason names; there the path with "/" is followed', async () => {
    const resources = oneSystem('1', 'Off');
    const service = await fakeBmc(({ path }) =>
      path.endsWith('/')
        ? { body: resources(path.slice(0, -1)) ?? {} }
        : { status: 301, headers: { location: `https://127.0.0.1:${service.port}${path}/` } },
    );
    const front = await fakeBmc(({ path }) => ({ status: 301, headers: { location: `${service.origin}${path}` } }));
    expect(await readOnce(front.port)).toContain(`redirect 301 to another origin (${service.origin}) refused`);
    expect(service.seen).toEqual([]);
    expect(await readOnce(service.port)).toBe(OFF);
  });

  // Source: lenovo/python-redfish-lenovo, issue 308: access denied, with the MessageId.
  test('Lenovo XCC: access denied is blind with the reason', async () => {
    const { port } = await fakeBmc(() => errorOf(401, 'Base.1.8.AccessDenied'));
    expect(await readOnce(port, ', auth: basic')).toMatch(
      /blind.*returned HTTP 401 \(Base.1.8.AccessDenied\); check user/,
    );
  });

  // Source: device-management-toolkit/console, pull request 1051: an empty body while the power changes.
  test('Intel AMT console: an empty response is blind', async () => {
    const { port } = await fakeBmc(({ path }) =>
      path.endsWith('/Systems') ? { body: collectionOf('1') } : { body: '' },
    );
    expect(await readOnce(port)).toContain('is no representation of a system');
  });

  // Cisco CIMC names a system by its serial number (WZP…), OpenPOWER "Computer" (xcat2/xcat-core, pull request 5910), console "UUID".
  test.each(['1', 'WZP12345678', 'Computer', '4c4c4544-0051-3610-8052-b4c04f4e3132', '0', 'Self'])(
    'Id %s',
    async (id) => {
      expect(await readOnce((await fakeBmc(only(oneSystem(id, 'Off')))).port)).toBe(OFF);
    },
  );

  // Source: DSP2046, ComputerSystem: PowerState may be null where the state is unknown.
  test.each([null, undefined, '', 'Unknown', 'OFF', 'off', 0, ['Off'], { Off: true }])('%j is blind', async (state) => {
    expect(await readOnce((await fakeBmc(only(oneSystem('0', state)))).port)).toMatch(/^blind:.*PowerState is/);
  });

  // Source: stmcginnis/gofish, issue 190: Nettrix serves /redfish/v1 and not /redfish/v1/.
  test('Nettrix: a root that cannot be read does not prevent a session', async () => {
    const table = sessions('/redfish/v1/SessionService/Sessions', 2, { status: 503 });
    const resources = oneSystem('1', 'Off');
    const { port } = await fakeBmc((request) => {
      if (request.path === ROOT) return unauthorised();
      return table.respond(request) ?? (table.isIn(request) ? { body: resources(request.path) ?? {} } : unauthorised());
    });
    expect(await readOnce(port)).toBe(OFF);
    expect(table.open.size).toBe(0);
  });
});

describe('encodings', () => {
  const text = (path: string) => JSON.stringify(oneSystem('1', 'Off')(path));
  const encoded = (encode: (text: string) => Buffer, encoding: string | undefined) =>
    fakeBmc(({ path }) => ({
      headers: encoding === undefined ? {} : { 'content-encoding': encoding },
      body: encode(text(path)),
    }));

  test.each([
    ['gzip', gzipSync, 'gzip'],
    ['GZIP', gzipSync, 'gzip in capitals'],
    ['x-gzip', gzipSync, 'the old name'],
    ['deflate', deflateSync, 'zlib'],
    ['deflate', deflateRawSync, 'raw'],
    ['identity', Buffer.from, 'none'],
    [undefined, gzipSync, 'gzip without a header'],
    [undefined, (body: string) => Buffer.from(`\ufeff${body}`), 'a byte order mark'],
  ] as const)('%s: %s', async (encoding, encode, _what) => {
    expect(await readOnce((await encoded((body) => encode(body), encoding)).port)).toBe(OFF);
  });

  test.each([
    ['gzip', () => gzipSync(Buffer.alloc(50_000_000, ' ')), 'is larger than 1048576 bytes when decoded'],
    ['deflate', () => deflateSync(Buffer.alloc(50_000_000, ' ')), 'is larger than'],
    ['gzip', (body: string) => gzipSync(body).subarray(0, 40), 'is damaged'],
    ['gzip', (body: string) => Buffer.from(body), 'is damaged'],
    ['br', (body: string) => Buffer.from(body), 'Content-Encoding "br" is not supported'],
    [undefined, () => Buffer.from(''), 'does not list its systems'],
  ] as const)('%s is refused within bounds', async (encoding, encode, reason) => {
    expect(await readOnce((await encoded(encode, encoding)).port)).toContain(reason);
  });

  test('a service that responds 406 to gzip is read without it', async () => {
    const { port } = await fakeBmc(({ path, headers }) =>
      headers['accept-encoding'] === 'identity' ? { body: text(path) } : { status: 406 },
    );
    expect(await readOnce(port)).toBe(OFF);
  });
});

describe('redirects', () => {
  test.each([301, 302, 307, 308])('%i within the origin is followed', async (status) => {
    const resources = oneSystem('1', 'Off');
    const bmc = await fakeBmc(({ path }) =>
      path.endsWith('/')
        ? { body: resources(path.slice(0, -1)) ?? {} }
        : { status, headers: { location: status === 302 ? `https://127.0.0.1:${bmc.port}${path}/` : `${path}/` } },
    );
    expect(await readOnce(bmc.port)).toBe(OFF);
  });

  test('another origin gets no request, and plain HTTP none', async () => {
    const thief = await fakeBmc(only(oneSystem('1', 'Off')));
    const locations = [`${thief.origin}/redfish/v1/Systems`, '//evil.example/x', 'http://127.0.0.1/redfish/v1/Systems'];
    for (const location of locations) {
      const { port } = await fakeBmc(() => ({ status: 308, headers: { location } }));
      expect(await readOnce(port)).toMatch(/blind:.*redirect 308 to (another origin|http).* refused/);
    }
    expect(thief.seen).toEqual([]);
  });

  test('a second one, a circle, and one to nowhere are refused', async () => {
    const twice = await fakeBmc(({ path }) => ({ status: 308, headers: { location: `${path}/` } }));
    expect(await readOnce(twice.port)).toContain('second redirect (308) refused');
    const circle = await fakeBmc(({ path }) => ({ status: 301, headers: { location: path } }));
    expect(await readOnce(circle.port)).toContain('redirect 301 to itself refused');
    const nowhere = await fakeBmc(() => ({ status: 302 }));
    expect(await readOnce(nowhere.port)).toContain('redirect 302 has no usable Location');
    const other = await fakeBmc(() => ({ status: 303, headers: { location: '/redfish/v1/' } }));
    expect(await readOnce(other.port)).toContain('redirect 303 is not supported');
  });

  test('one to another system proves nothing, one to another name of the same system does', async () => {
    const moved = (id: string) =>
      fakeBmc(({ path }) => {
        if (path.endsWith('/Systems')) return { body: collectionOf('1') };
        if (path.endsWith('/1')) return { status: 307, headers: { location: '/redfish/v1/Systems/Self' } };
        return { body: { '@odata.id': '/redfish/v1/Systems/Self', Id: id, PowerState: 'Off' } };
      });
    expect(await readOnce((await moved('2')).port)).toContain('returned another system');
    expect(await readOnce((await moved('1')).port)).toBe(OFF);
  });
});
