import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { DEFAULT_OPTIONS } from '#config/options/options.ts';
import { PROCEDURE, REMOTE_PROGRAM } from '../libvirt/constants.ts';
import { encodeMessage, type Message, MessageReader } from '../libvirt/message.ts';
import { XdrWriter } from '../libvirt/xdr.ts';
import type { MonitorContext } from '../service/monitor.ts';
import { Cases } from './cases.ts';
import { Session } from './session.ts';
import { Memory } from './state-file.ts';

const GOOD = { name: 'instance-1', uuid: '11111111-0000-4000-8000-000000000001', id: 1 };
const ODD = { name: 'odd', uuid: '22222222-0000-4000-8000-000000000002', id: 2 };

const writer = (): XdrWriter => new XdrWriter();
const listed = [ODD, GOOD].reduce(
  (list, { name, uuid, id }) => list.text(name).uuid(uuid).int(id).uint(1).text('state.state').uint(1).int(1),
  writer().uint(2),
);
const OK: ReadonlyMap<number, Buffer> = new Map([
  [PROCEDURE.authList, writer().uint(1).int(0).bytes()],
  [PROCEDURE.getAllDomainStats, listed.bytes()],
  [PROCEDURE.domainGetMetadata, writer().text('<x/>').bytes()],
]);
/** virErrorNumber 1 is an internal error. */
const REFUSED = writer().int(1).int(0).optionalText('out of luck').bytes();

/** Lists two running domains, and refuses to describe the odd one. */
function answer(socket: Socket, { procedure, serial, body }: Message): void {
  const isOdd = procedure === PROCEDURE.domainGetMetadata && body.includes(ODD.name);
  const header = { program: REMOTE_PROGRAM, version: 1, procedure, type: 1, serial, status: isOdd ? 1 : 0 };
  const content = isOdd ? REFUSED : (OK.get(procedure) ?? writer().int(0).bytes());
  socket.write(encodeMessage(header, content));
}

test('a domain that libvirt refuses to describe is logged once, and the others are still watched', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'session-'));
  const socket = join(directory, 'sock');
  const server = createServer((peer) => {
    const reader = new MessageReader();
    peer.on('error', () => peer.destroy());
    peer.on('data', (chunk: Buffer) => {
      for (const message of reader.take(chunk)) answer(peer, message);
    });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  onTestFinished(() => {
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const lines: string[] = [];
  const end = new AbortController();
  const context: MonitorContext = {
    node: 'c1',
    signal: end.signal,
    log: (level, message, fields) => lines.push(`${level} ${message} ${JSON.stringify(fields)}`),
    report: async () => {},
    queryInstance: async () => undefined,
    seen: () => {},
    blind: () => {},
  };
  const memory = await Memory.open(join(directory, 'instances.json'), 'boot', () => {});
  const cases = new Cases(
    context,
    memory,
    async () => 'lost',
    () => '',
  );
  const settings = { ...DEFAULT_OPTIONS.instanceMonitor, socket, resyncIntervalMs: 20 };
  let listings = 0;
  const watching = new Session(settings, context, memory, cases).watch(end.signal, () => {
    listings += 1;
    if (listings === 3) end.abort();
  });
  await expect(watching).rejects.toThrow(/was closed/);
  expect(listings).toBe(3);
  expect(memory.get(GOOD.uuid)).toMatchObject({ power: 'on', life: 1 });
  expect(memory.get(ODD.uuid)).toBeUndefined();
  expect(lines.filter((line) => line.includes('odd'))).toEqual([expect.stringMatching(/^warning .*odd.*out of luck/)]);
});
