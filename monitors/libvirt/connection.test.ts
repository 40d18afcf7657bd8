import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Answer, LibvirtPeer, reply } from '#test/world/libvirt-peer.ts';
import { type ConnectionSettings, LibvirtConnection } from './connection.ts';
import { KEEPALIVE_PROGRAM, PROCEDURE, QEMU_PROGRAM, REMOTE_PROGRAM } from './constants.ts';
import { listDomains, stateOf } from './domains.ts';
import { LibvirtRefusal, NoAnswer } from './errors.ts';
import type { DomainEvent } from './events.ts';
import { encodeMessage, type Message } from './message.ts';
import { pingAgent } from './qemu.ts';
import { XdrWriter } from './xdr.ts';

/** Against a peer that responds as the test sets it; test/labs/libvirt runs the real libvirtd. */

const LONG: ConnectionSettings = { uri: 'qemu:///system', access: 'read-only', callTimeoutMs: 30_000 };
const DOMAIN = { name: 'instance-00000001', uuid: '11111111-0000-4000-8000-000000000001', id: 7 };

let peer: LibvirtPeer;

afterEach(() => peer?.[Symbol.asyncDispose]());

/** Opens like libvirtd; `answer` handles everything after that. */
const opening =
  (answer: Answer, auth: readonly number[] = [0], keepalive = 1): Answer =>
  (message, socket) => {
    const list = auth.reduce((writer, type) => writer.int(type), new XdrWriter().uint(auth.length));
    if (message.procedure === PROCEDURE.authList) reply(socket, message, list.bytes());
    else if (message.procedure === PROCEDURE.open && message.program === REMOTE_PROGRAM) {
      reply(socket, message, Buffer.alloc(0));
    } else if (message.procedure === PROCEDURE.supportsFeature) {
      reply(socket, message, new XdrWriter().int(keepalive).bytes());
    } else answer(message, socket);
  };

async function open(answer: Answer, settings: Partial<ConnectionSettings> = {}): Promise<LibvirtConnection> {
  peer = await LibvirtPeer.listen(opening(answer));
  return LibvirtConnection.open(peer.path, { ...LONG, ...settings });
}

function refusal(code: number, text: string): Buffer {
  return new XdrWriter().int(code).int(10).optionalText(text).bytes();
}

test('no socket, and a socket without a listener, are reported with a remedy', async () => {
  peer = await LibvirtPeer.listen(() => {});
  const nowhere = join(peer.path, '..', 'nowhere');
  await expect(LibvirtConnection.open(nowhere, LONG)).rejects.toThrow(/no such socket.*libvirtd/);
});

test('if polkit is required, the message has the reason and a remedy', async () => {
  peer = await LibvirtPeer.listen(opening(() => {}, [2]));
  await expect(LibvirtConnection.open(peer.path, LONG)).rejects.toThrow(
    /requires authentication \(polkit\).*as root.*auth_unix_ro/,
  );
  await expect(LibvirtConnection.open(peer.path, { ...LONG, access: 'read-write' })).rejects.toThrow(/auth_unix_rw/);
});

test.each([
  ['read-only', 1],
  ['read-write', 0],
] as const)('a %s connection is opened as such in the driver', async (access, flags) => {
  const opened: Buffer[] = [];
  peer = await LibvirtPeer.listen((message, socket) => {
    if (message.procedure === PROCEDURE.open) opened.push(message.body);
    opening(() => {})(message, socket);
  });
  const connection = await LibvirtConnection.open(peer.path, { ...LONG, access });
  connection.close();
  expect(opened).toEqual([new XdrWriter().optionalText('qemu:///system').uint(flags).bytes()]);
});

test('replies are matched to their calls in any order', async () => {
  const requested: Message[] = [];
  const connection = await open((message, socket) => {
    requested.push(message);
    if (requested.length < 2) return;
    for (const one of requested.reverse()) reply(socket, one, new XdrWriter().int(one.serial).int(0).bytes());
  });
  const [first, second] = await Promise.all([stateOf(connection, DOMAIN), stateOf(connection, DOMAIN)]);
  expect((second?.state ?? 0) - (first?.state ?? 0)).toBe(1);
  connection.close();
});

test("libvirt's refusal is the call's error alone, and a missing domain is a result", async () => {
  const connection = await open((message, socket) => {
    const isState = message.procedure === PROCEDURE.domainGetState;
    reply(socket, message, isState ? refusal(42, 'Domain not found') : refusal(1, 'internal error'), 1);
  });
  expect(await stateOf(connection, DOMAIN)).toBeUndefined();
  await expect(listDomains(connection)).rejects.toThrow(LibvirtRefusal);
  await expect(listDomains(connection)).rejects.toThrow('libvirt: internal error');
  expect(connection.isOpen).toBe(true);
  connection.close();
});

test('a call without a reply ends the connection, and with it every other call', async () => {
  const connection = await open(() => {}, { callTimeoutMs: 50 });
  const calls = await Promise.allSettled([stateOf(connection, DOMAIN), listDomains(connection)]);
  expect(calls.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect((await connection.closed).message).toMatch(/did not respond to call 212 within 0.05 s/);
  await expect(listDomains(connection)).rejects.toThrow(/did not respond/);
});

test('a call that may stay unanswered affects no other call, and its late reply is ignored', async () => {
  const requested: Message[] = [];
  const connection = await open(
    (message, socket) => {
      requested.push(message);
      if (requested.length < 2) return;
      for (const one of requested) reply(socket, one, new XdrWriter().int(1).int(1).bytes());
    },
    { access: 'read-write' },
  );
  const terms = { program: QEMU_PROGRAM, timeoutMs: 50, lateCosts: 'call' } as const;
  await expect(connection.call(3, Buffer.alloc(0), terms)).rejects.toThrow(NoAnswer);
  expect(await stateOf(connection, DOMAIN)).toEqual({ state: 1, reason: 1 });
  expect(connection.isOpen).toBe(true);
  expect(requested.map(({ program }) => program)).toEqual([QEMU_PROGRAM, REMOTE_PROGRAM]);
  connection.close();
});

test('a call ends with its signal, and the connection stays open', async () => {
  const { promise: isRequested, resolve: requested } = Promise.withResolvers<void>();
  const connection = await open(({ program }) => {
    if (program === QEMU_PROGRAM) requested();
  });
  const end = new AbortController();
  const ping = pingAgent(connection, DOMAIN, 60_000, end.signal);
  await isRequested;
  end.abort();
  await expect(ping).rejects.toThrow(NoAnswer);
  expect(connection.isOpen).toBe(true);
  connection.close();
});

test('a connection ends with its signal, also while it is being opened', async () => {
  const end = new AbortController();
  const connection = await open(() => {}, { signal: end.signal });
  const listing = listDomains(connection);
  end.abort();
  await expect(listing).rejects.toThrow(/was closed/);
  await expect(LibvirtConnection.open(peer.path, { ...LONG, signal: end.signal })).rejects.toThrow(/was closed/);
});

test('pings get a response, and a peer that responds to none is disconnected', async () => {
  const { promise: ponged, resolve } = Promise.withResolvers<Message>();
  let pings = 0;
  const connection = await open(
    (message, socket) => {
      if (message.program !== KEEPALIVE_PROGRAM) return;
      if (message.procedure === 2) resolve(message);
      else pings += 1;
      if (pings === 1) {
        const header = { version: 1, type: 2, serial: 0, status: 0 };
        socket.write(encodeMessage({ program: KEEPALIVE_PROGRAM, procedure: 1, ...header }));
      }
    },
    { keepalive: { everyMs: 20, count: 3 } },
  );
  expect((await ponged).type).toBe(2);
  expect((await connection.closed).message).toMatch(/did not respond to 3 keepalive messages/);
});

test('a peer that hangs up ends every call', async () => {
  const connection = await open((_, socket) => socket.destroy());
  await expect(listDomains(connection)).rejects.toThrow(/closed the connection/);
});

test.each([
  ['text', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['a message without a header', Buffer.from('00000004', 'hex')],
  [
    'an event that is cut off',
    encodeMessage(
      { program: REMOTE_PROGRAM, version: 1, procedure: 318, type: 2, serial: 0, status: 0 },
      Buffer.from('0000000000000fff', 'hex'),
    ),
  ],
])('%s ends the connection, and nothing else', async (_, bytes) => {
  const connection = await open((_message, socket) => socket.write(bytes));
  await expect(listDomains(connection)).rejects.toThrow(/invalid message/);
});

test('an invalid listing is an error of that call', async () => {
  const connection = await open((message, socket) => reply(socket, message, Buffer.from('7fffffff', 'hex')));
  await expect(listDomains(connection)).rejects.toThrow(/a list of 2147483647 entries/);
  connection.close();
});

test('events are reported in their order, also those that arrive with a reply; unknown ones are ignored', async () => {
  const received: DomainEvent[] = [];
  const connection = await open(
    (message, socket) => {
      const event = (procedure: number, ...words: number[]): Buffer => {
        const writer = new XdrWriter().int(1).text(DOMAIN.name).uuid(DOMAIN.uuid).int(DOMAIN.id);
        for (const word of words) writer.int(word);
        const header = { program: REMOTE_PROGRAM, version: 1, type: 2, serial: 0, status: 0 };
        return encodeMessage({ ...header, procedure }, writer.bytes());
      };
      socket.write(Buffer.concat([event(318, 5, 5), event(999), event(319), event(321, 2), event(325)]));
      reply(socket, message, new XdrWriter().uint(0).bytes());
    },
    { onEvent: (event) => received.push(event) },
  );
  expect(await listDomains(connection)).toEqual([]);
  expect(received).toEqual([
    { kind: 'lifecycle', domain: DOMAIN, event: 5, detail: 5 },
    { kind: 'reboot', domain: DOMAIN },
    { kind: 'watchdog', domain: DOMAIN, action: 2 },
    { kind: 'control-error', domain: DOMAIN },
  ]);
  connection.close();
});

test('an I/O error is reported with path, action and reason', async () => {
  const received: DomainEvent[] = [];
  const connection = await open(
    (message, socket) => {
      const writer = new XdrWriter().int(1).text(DOMAIN.name).uuid(DOMAIN.uuid).int(DOMAIN.id);
      const body = writer.text('/d.raw').text('virtio-disk1').int(1).text('enospc').bytes();
      const header = { program: REMOTE_PROGRAM, version: 1, type: 2, serial: 0, status: 0 };
      socket.write(encodeMessage({ ...header, procedure: 324 }, body));
      reply(socket, message, new XdrWriter().uint(0).bytes());
    },
    { onEvent: (event) => received.push(event) },
  );
  await listDomains(connection);
  expect(received).toEqual([{ kind: 'io-error-reason', domain: DOMAIN, path: '/d.raw', action: 1, reason: 'enospc' }]);
  connection.close();
});
