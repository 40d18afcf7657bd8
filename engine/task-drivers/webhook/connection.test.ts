import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import type { ActGuard } from '#openstack/act-guard.ts';
import { Connection } from './connection.ts';
import type { WebhookRequest } from './request.ts';

/** Sends one request to a server of its own. Returns what became of it, and how many requests arrived. */
async function sendUnder(guard: ActGuard): Promise<{ outcome: unknown; arrived: number }> {
  let arrived = 0;
  const server = createServer((_, response) => {
    arrived += 1;
    response.end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const request: WebhookRequest = { method: 'POST', url, headers: {}, body: '{}', what: 'POST' };
  try {
    await using connection = await Connection.open('', guard, new AbortController().signal);
    return { outcome: await connection.send(request).catch((error: unknown) => error), arrived };
  } finally {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
}

test('a request of an engine that is sure of its lease is sent without another check', async () => {
  const confirm = () => Promise.reject(new Error('asked'));
  const { outcome, arrived } = await sendUnder({ confirm, isFresh: () => true });
  expect(outcome).toMatchObject({ kind: 'answer', status: 200 });
  expect(arrived).toBe(1);
});

test('one of an engine that is not sure is confirmed before it leaves', async () => {
  let isFresh = false;
  const confirm = async (): Promise<void> => {
    isFresh = true;
  };
  const { outcome } = await sendUnder({ confirm, isFresh: () => isFresh });
  expect(outcome).toMatchObject({ kind: 'answer', status: 200 });
});

test('one of an engine that froze between the confirmation and the first byte is held back, and in the end not sent', async () => {
  let confirmations = 0;
  const confirm = async (): Promise<void> => {
    confirmations += 1;
  };
  expect(await sendUnder({ confirm, isFresh: () => false })).toEqual({ outcome: { kind: 'stale' }, arrived: 0 });
  expect(confirmations).toBe(3);
});

test('one of an engine that lost its lease is never sent', async () => {
  const lost = new Error('the lease is lost');
  const { outcome, arrived } = await sendUnder({ confirm: () => Promise.reject(lost), isFresh: () => false });
  expect(outcome).toBe(lost);
  expect(arrived).toBe(0);
});
