import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { isAlert, runAlert } from './alert.ts';
import { listenForHints, sendHint } from './hint.ts';

const directory = mkdtempSync(join(tmpdir(), 'hint-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Generous: machines are busy. */
const until = { timeout: 20_000, interval: 10 };
let count = 0;

async function listening(work: (path: string, hints: readonly string[]) => Promise<void>): Promise<void> {
  count += 1;
  const path = join(directory, `run-${count}`, 'monitor.sock');
  const hints: string[] = [];
  const ends = new AbortController();
  const done = listenForHints(path, (words) => hints.push(words), ends.signal);
  try {
    await vi.waitFor(() => statSync(path), until);
    await work(path, hints);
  } finally {
    ends.abort();
    await done;
  }
  expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
}

const alert = (path: string, kind: string) => ({
  CRM_alert_kind: kind,
  CRM_alert_node: 'c2',
  CRM_alert_desc: 'Operation off of c2 by n1 for pacemaker-controld.103@n1: OK',
  CRM_alert_recipient: path,
});

test('an alert about a node or a fencing is a hint, one about a resource is none', () =>
  listening(async (path, hints) => {
    await runAlert(alert(path, 'fencing'));
    await runAlert(alert(path, 'resource'));
    await runAlert({ ...alert(path, 'node'), CRM_alert_desc: 'lost' });
    await vi.waitFor(() => expect(hints).toHaveLength(2), until);
    expect(hints).toEqual(['fencing c2 Operation off of c2 by n1 for pacemaker-controld.103@n1: OK', 'node c2 lost']);
  }));

test('the environment shows that the program is an alert agent', () => {
  expect(isAlert(alert('', 'node'))).toBe(true);
  expect(isAlert({ OCF_RESOURCE_INSTANCE: 'recovery-agent' })).toBe(false);
});

test('an alert ends without an error if no process listens, for any recipient', async () => {
  await runAlert(alert(join(directory, 'nobody.sock'), 'fencing'));
  await runAlert(alert('', 'fencing'));
  await runAlert({ CRM_alert_kind: 'node' });
});

test('an alert does not wait for a monitor that hangs', async () => {
  const path = join(directory, 'hangs.sock');
  const peers: Socket[] = [];
  const hangs = createServer({ allowHalfOpen: true }, (socket) => peers.push(socket)).listen(path);
  expect(await sendHint(path, 'node c2 lost', 100)).toBe('too slow');
  for (const peer of peers) peer.destroy();
  await new Promise((resolve) => hangs.close(resolve));
});

test('only root and the group of Pacemaker may connect', () =>
  listening(async (path) => {
    expect(statSync(path).mode & 0o007).toBe(0);
  }));

test('a peer that sends too much, or never ends, is disconnected', () =>
  listening(async (path, hints) => {
    const loud = connect({ path });
    loud.on('error', () => {});
    loud.write('x'.repeat(100_000));
    const silent = connect({ path });
    silent.on('error', () => {});
    await Promise.all([loud, silent].map((socket) => new Promise((resolve) => socket.on('close', resolve))));
    await vi.waitFor(() => expect(hints).toHaveLength(2), until);
    for (const words of hints) expect(words.length).toBeLessThanOrEqual(1024);
  }));
