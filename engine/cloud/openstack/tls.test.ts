import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Credentials } from '#config/clouds.ts';
import { ScriptedCloud } from './scripted-cloud.ts';

/** Made once with openssl, which not every machine has; node:crypto reads certificates, but makes none. */
const file = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/tls/${name}`, import.meta.url));

async function started(certificate: string): Promise<ScriptedCloud> {
  const tls = {
    key: readFileSync(file(`${certificate}.key`), 'utf8'),
    cert: readFileSync(file(`${certificate}.pem`), 'utf8'),
  };
  const cloud = await ScriptedCloud.start({ tls });
  cloud.on('GET /v2.1/os-services', { json: { services: [] } });
  return cloud;
}

describe('over TLS', () => {
  test.each<[string, Partial<Credentials>]>([
    ['a certificate of the named authority is taken', { caFile: 'good.pem' }],
    ['any certificate is taken where none is checked', { verify: 'nothing' }],
  ])('%s', async (_, change) => {
    await using cloud = await started('good');
    const caFile = change.caFile === undefined ? undefined : file(change.caFile);
    await cloud.client({ credentials: cloud.credentials({ ...change, caFile }) }).check();
    expect(cloud.requests('GET /v2.1/os-services')).toHaveLength(1);
  });

  test('a certificate of an unknown authority, or for another name, is refused with a hint', async () => {
    await using cloud = await started('good');
    await using other = await started('other');
    const unknown = cloud.client();
    const wrongName = other.client({ credentials: other.credentials({ caFile: file('other.pem') }) });
    const hint = {
      kind: 'unreachable',
      message: expect.stringMatching(/cacert or OS_CACERT names authorities to trust/),
    };
    await expect(unknown.check()).rejects.toMatchObject(hint);
    await expect(wrongName.check()).rejects.toMatchObject({ message: expect.stringMatching(/altnames/) });
    expect([...cloud.seen, ...other.seen]).toEqual([]);
  });

  test('a missing or broken file of authorities is named', async () => {
    await using cloud = await started('good');
    const missing = cloud.client({ credentials: cloud.credentials({ caFile: file('none.pem') }) });
    const error = {
      kind: 'unreachable',
      message: expect.stringMatching(/none\.pem does not exist; it should hold trusted authorities/),
    };
    await expect(missing.check()).rejects.toMatchObject(error);
  });

  test('a server that does not speak it is unreachable, and nothing was sent in the clear', async () => {
    await using cloud = await ScriptedCloud.start();
    const authUrl = cloud.url('keystone').replace('http:', 'https:');
    const client = cloud.client({ credentials: cloud.credentials({ authUrl }) });
    await expect(client.check()).rejects.toMatchObject({ kind: 'unreachable' });
    expect(cloud.seen).toEqual([]);
    expect(client.calls.identity).toBe(0);
  });
});
