import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NotificationBody } from '#protocol/notification.ts';
import type { OutboxLimits } from './capacity.ts';
import { Outbox } from './outbox.ts';

let directory = '';
let folder = '';
let lines: string[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-outbox-'));
  folder = join(directory, 'outbox');
  lines = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function open(limits?: OutboxLimits): Promise<Outbox> {
  return Outbox.open({
    folder,
    log: (level, message, fields) => lines.push(`${level} ${message} ${JSON.stringify(fields)}`),
    ...(limits ? { limits } : {}),
  });
}

function crash(hostname: string): NotificationBody {
  const payload = {
    event: 'LIFECYCLE',
    instance_uuid: '00000000-0000-4000-8000-000000000000',
    vir_domain_event: 'STOPPED_FAILED',
  };
  return { notification: { type: 'VM', hostname, generated_time: '2026-11-21T08:05:44.646000', payload } };
}

async function hosts(outbox: Outbox): Promise<string[]> {
  const found: string[] = [];
  for (const name of await outbox.names()) {
    const report = await outbox.read(name);
    if (report) found.push(report.body.notification.hostname);
  }
  return found;
}

const asideOf = (): string[] => readdirSync(join(folder, 'set-aside'));

describe('the outbox', () => {
  it('stores a report unchanged, readable by its user only', async () => {
    const outbox = await open();
    await outbox.put(crash('c1'));
    const [name = ''] = await outbox.names();
    expect((await outbox.read(name))?.body).toEqual(crash('c1'));
    expect([statSync(folder).mode & 0o777, statSync(join(folder, name)).mode & 0o777]).toEqual([0o700, 0o600]);
  });

  it('stores the proof with a report, over a restart; a report of a version without proofs has none', async () => {
    const outbox = await open();
    await outbox.put(crash('c1'), 'fencing');
    await outbox.put(crash('c2'));
    const again = await open();
    const [first = '', second = ''] = await again.names();
    expect([(await again.read(first))?.proof, (await again.read(second))?.proof]).toEqual(['fencing', 'none']);
    // Unchanged, so that an older version reads it too.
    expect(Object.keys(JSON.parse(readFileSync(join(folder, second), 'utf8').split('\n')[1] ?? ''))).toEqual([
      'written',
      'body',
    ]);
  });

  it('reads a report of a later version, and ignores a kind of proof that it does not know', async () => {
    const outbox = await open();
    const written = { wallMs: 1, bootId: 'b', uptimeMs: 1, leapSeconds: 27 };
    for (const [index, proof] of ['witnessed', 'operator', { kind: 'fencing' }, 7, null].entries()) {
      const text = JSON.stringify({ written, body: crash('c1'), proof, urgency: 'high' });
      const sum = createHash('sha256').update(text).digest('hex');
      writeFileSync(join(folder, `${String(index + 1).padStart(16, '0')}-1.report`), `${sum}\n${text}\n`);
    }
    const names = await outbox.names();
    const proofs = await Promise.all(names.map(async (name) => (await outbox.read(name))?.proof));
    expect(proofs).toEqual(['none', 'none', 'none', 'none', 'none']);
  });

  it('closes a folder that was open to other users', async () => {
    mkdirSync(folder, { mode: 0o755 });
    chmodSync(folder, 0o755);
    await open();
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it('keeps the order of writing, for many at once, over a restart and over deliveries in between', async () => {
    const first = await open();
    const names = Array.from({ length: 25 }, (_, index) => `c${index}`);
    await Promise.all(names.map((name) => first.put(crash(name))));
    await first.remove((await first.names())[0] ?? '');
    const second = await open();
    await second.put(crash('last'));
    expect(await hosts(second)).toEqual([...names.slice(1), 'last']);
  });

  it('refuses a report that no engine could accept, before anything is written', async () => {
    const outbox = await open();
    await expect(
      outbox.put({ notification: { ...crash('c1').notification, hostname: 'c 1' } } as never),
    ).rejects.toThrow('notification.hostname is no host name');
    expect(await outbox.names()).toEqual([]);
  });

  it('reports that it is full at its limits, and stores reports again when one has been removed', async () => {
    const outbox = await open({ maxReports: 2, maxBytes: 1_000_000 });
    await outbox.put(crash('c1'));
    await outbox.put(crash('c2'));
    await expect(outbox.put(crash('c3'))).rejects.toMatchObject({
      name: 'OutboxUnusable',
      message: expect.stringMatching(/^the outbox .* is full \(2 reports, \d+ bytes\); see the log for the reason/),
    });
    await outbox.remove((await outbox.names())[0] ?? '');
    await outbox.put(crash('c4'));
    expect(await hosts(outbox)).toEqual(['c2', 'c4']);
    await expect((await open({ maxReports: 100, maxBytes: 500 })).put(crash('c5'))).rejects.toThrow(/is full/);
  });

  it('reports the reason if it cannot be a folder', async () => {
    writeFileSync(folder, '');
    await expect(open()).rejects.toThrow(/^the outbox cannot be used: \S+ is no directory; see/);
  });

  it('reports that its folder is missing, and stores reports again when it is back', async () => {
    const outbox = await open();
    rmSync(folder, { recursive: true });
    await expect(outbox.put(crash('c1'))).rejects.toThrow(/cannot be written \(ENOENT\)/);
    mkdirSync(folder);
    await outbox.put(crash('c2'));
    expect(await hosts(outbox)).toEqual(['c2']);
  });
});

describe('foreign entries', () => {
  it.each([
    ['cut off', (text: string) => text.slice(0, -5)],
    ['empty', () => ''],
    ['with another host in it', (text: string) => text.replace('"c1"', '"c2"')],
    ['garbage', () => '\0\xff'.repeat(1000)],
    ['megabytes', () => 'x'.repeat(2_000_000)],
  ])('a report that is %s is set aside with a log line and delays no other', async (_, damage) => {
    const outbox = await open();
    await outbox.put(crash('c1'));
    await outbox.put(crash('c3'));
    const [name = ''] = await outbox.names();
    const text = readFileSync(join(folder, name), 'utf8');
    writeFileSync(join(folder, name), damage(text));
    expect(await hosts(outbox)).toEqual(['c3']);
    expect(await outbox.names()).toHaveLength(1);
    expect(asideOf()).toEqual([expect.stringContaining(name)]);
    expect(lines).toEqual([
      expect.stringMatching(/^error set aside: it is (damaged|longer)|^error set aside: its checksum/),
    ]);
  });

  it('a foreign file or link is set aside, a foreign folder is logged once', async () => {
    const outbox = await open();
    writeFileSync(join(folder, 'notes.txt'), 'x');
    symlinkSync('/etc/passwd', join(folder, '0000000000000001-1.report'));
    mkdirSync(join(folder, 'mine'));
    mkdirSync(join(folder, 'lost+found'));
    await outbox.put(crash('c1'));
    for (let round = 0; round < 3; round += 1) expect(await hosts(outbox)).toEqual(['c1']);
    expect(asideOf()).toHaveLength(2);
    expect(lines.filter((line) => line.includes('folder'))).toHaveLength(1);
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(['mine', 'lost+found']));
  });

  it('a report that a killed process had not finished is removed, one of a living process is not', async () => {
    const outbox = await open();
    const { pid, startTime } = (await import('#protocol/process-file.ts')).thisProcess();
    const random = 'a'.repeat(32);
    const [dead, living] = [`${pid}-1-7-${random}.new`, `${pid}-${startTime}-7-${random}.new`];
    for (const name of [dead, living]) writeFileSync(join(folder, name), 'half');
    expect(await outbox.names()).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual(['.recovery-agent-outbox', living]);
  });

  it('is kept up to a thousand files, and the oldest is removed with a log line', async () => {
    const outbox = await open();
    mkdirSync(join(folder, 'set-aside'));
    for (let index = 0; index < 1_000; index += 1) writeFileSync(join(folder, 'set-aside', `0-${1_000 + index}`), '');
    writeFileSync(join(folder, 'notes.txt'), 'x');
    await outbox.names();
    expect(asideOf()).toHaveLength(1_000);
    expect(asideOf()).not.toContain('0-1000');
    expect(lines).toEqual([expect.stringContaining('the oldest is removed'), expect.stringContaining('notes.txt')]);
  });
});
