import { expect, test } from 'vitest';
import { PASSWORD, ScriptedCloud } from '#test/world/scripted-cloud.ts';

const USER = 'GET /v3/users/u-1';

test('the address of a user is the one that Keystone has', async () => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(USER, { json: { user: { id: 'u-1', name: 'alice', email: ' alice@example.com ' } } });
  const client = cloud.client();
  expect(await client.userAddress('u-1')).toBe('alice@example.com');
  expect(cloud.requests(USER)[0]?.headers['x-auth-token']).toBe('gAAAA-token-1');
  expect(client.calls).toEqual({ identity: 2, compute: 0 });
});

test('a user without an address, and one that is gone, have none', async () => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(
    USER,
    { json: { user: { id: 'u-1' } } },
    { json: { user: { email: '' } } },
    { json: { user: { email: 7 } } },
    {
      status: 404,
      json: { error: { code: 404, message: 'Could not find user: u-1.' } },
    },
  );
  const client = cloud.client();
  for (let round = 0; round < 4; round++) expect(await client.userAddress('u-1')).toBeUndefined();
});

test('the address of a project is its property email', async () => {
  await using cloud = await ScriptedCloud.start();
  cloud.on('GET /v3/projects/p%2F1', { json: { project: { id: 'p/1', email: 'team@example.com' } } });
  expect(await cloud.client().projectAddress('p/1')).toBe('team@example.com');
});

test('an agent that may not read users gets an error', async () => {
  await using cloud = await ScriptedCloud.start();
  const message = 'You are not authorized to perform the requested action: identity:get_user.';
  cloud.on(USER, { status: 403, json: { error: { code: 403, message } } });
  await expect(cloud.client().userAddress('u-1')).rejects.toMatchObject({
    kind: 'unauthorized',
    message: expect.stringContaining(message),
  });
});

test('a token that Keystone does not take any more is replaced, once', async () => {
  await using cloud = await ScriptedCloud.start();
  const refused = { status: 401, json: { error: { code: 401, message: `no ${PASSWORD}` } } };
  cloud.on(USER, refused, { json: { user: { email: 'a@example.com' } } });
  expect(await cloud.client().userAddress('u-1')).toBe('a@example.com');
  expect(cloud.requests('POST /v3/auth/tokens')).toHaveLength(2);
  cloud.on(USER, refused);
  const failure = await cloud
    .client()
    .userAddress('u-1')
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ kind: 'unauthorized' });
  expect(String(failure)).not.toContain(PASSWORD);
});
