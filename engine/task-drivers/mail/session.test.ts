import { expect, test } from 'vitest';
import type { ActGuard } from '#openstack/act-guard.ts';
import { PostOffice } from '#test/world/post-office.ts';
import { type Sent, Session } from './session.ts';

/** Sends one mail to a server of its own. */
async function sendUnder(guard: ActGuard): Promise<{ sent: Sent; arrived: number }> {
  await using office = await PostOffice.start();
  const server = { host: '127.0.0.1', port: office.port, tls: 'none', caFile: '', user: '', password: '' } as const;
  const session = await Session.open(server, new AbortController().signal);
  try {
    const sent = await session.send('a@example.com', 'b@example.com', Buffer.from('Subject: s\r\n\r\ntext\r\n'), guard);
    return { sent, arrived: office.received.length };
  } finally {
    session.close();
  }
}

test('a mail of an engine that is not sure of its lease is sent when it is confirmed', async () => {
  let isFresh = false;
  const confirm = async (): Promise<void> => {
    isFresh = true;
  };
  expect(await sendUnder({ confirm, isFresh: () => isFresh })).toMatchObject({ sent: { kind: 'taken' }, arrived: 1 });
});

test('the text of a mail of an engine that lost its lease is never sent', async () => {
  const confirm = () => Promise.reject(new Error('the lease is lost'));
  const { sent, arrived } = await sendUnder({ confirm, isFresh: () => false });
  expect(sent).toEqual({ kind: 'unsent', why: 'the lease is lost' });
  expect(arrived).toBe(0);
});

test('nor does that of one that froze between the confirmation and the text', async () => {
  const { sent, arrived } = await sendUnder({ confirm: async () => {}, isFresh: () => false });
  expect(sent).toMatchObject({ kind: 'unsent', why: 'the right to act could not be confirmed in time' });
  expect(arrived).toBe(0);
});
