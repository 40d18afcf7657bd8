import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import type { Credentials } from '#config/clouds/clouds.ts';
import { ScriptedCloud } from '#test/world/scripted-cloud.ts';

/** Made once with openssl, which not every machine has; node:crypto reads certificates, but makes none. */
const file = (name: string) => fileURLToPath(new URL(`../../test/fixtures/tls/${name}`, import.meta.url));

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

describe('a certificate of the client', () => {
  const folder = mkdtempSync(join(tmpdir(), 'client-certificate-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** A copy with a mode of its own. */
  function copy(name: string, mode = 0o600): string {
    const path = join(folder, `${mode.toString(8)}-${name}`);
    copyFileSync(file(name), path);
    chmodSync(path, mode);
    return path;
  }

  /** Accepts no client without a certificate of the authority "other". */
  async function demanding(): Promise<ScriptedCloud> {
    const [key, cert, ca] = ['good.key', 'good.pem', 'other.pem'].map((name) => readFileSync(file(name), 'utf8'));
    if (key === undefined || cert === undefined || ca === undefined) throw new Error('a fixture is missing');
    const cloud = await ScriptedCloud.start({ tls: { key, cert, ca, requestCert: true, rejectUnauthorized: true } });
    cloud.on('GET /v2.1/os-services', { json: { services: [] } });
    return cloud;
  }

  const request = (cloud: ScriptedCloud, change: Partial<Credentials>) =>
    cloud.client({ credentials: cloud.credentials({ caFile: file('good.pem'), ...change }) }).check();

  test('is presented to each service, from two files or from one', async () => {
    await using cloud = await demanding();
    await request(cloud, { certFile: copy('other.pem', 0o644), keyFile: copy('other.key') });
    const both = join(folder, 'both.pem');
    writeFileSync(both, readFileSync(file('other.pem'), 'utf8') + readFileSync(file('other.key'), 'utf8'), {
      mode: 0o600,
    });
    await request(cloud, { certFile: both });
    expect(cloud.requests('GET /v2.1/os-services')).toHaveLength(2);
  });

  test('is missing, or another one: nothing is requested', async () => {
    await using cloud = await demanding();
    await expect(request(cloud, {})).rejects.toMatchObject({ kind: 'unreachable' });
    const wrong = { certFile: copy('good.pem'), keyFile: copy('good.key') };
    await expect(request(cloud, wrong)).rejects.toMatchObject({ kind: 'unreachable' });
    expect(cloud.seen).toEqual([]);
  });

  test.each<[string, () => Partial<Credentials>, RegExp]>([
    [
      'a key that every user can read',
      () => ({ certFile: copy('other.pem'), keyFile: copy('other.key', 0o644) }),
      /other\.key holds the client's private key and is open to every user .*chmod 640/,
    ],
    [
      'a certificate without a key of its own that every user can read',
      () => ({ certFile: copy('other.pem', 0o644) }),
      /other\.pem holds the client's certificate and is open/,
    ],
    [
      'a key that is missing',
      () => ({ certFile: copy('other.pem'), keyFile: '/none.key' }),
      /none\.key does not exist/,
    ],
    [
      'a key that belongs to another certificate',
      () => ({ certFile: copy('other.pem'), keyFile: copy('good.key') }),
      /key values mismatch/,
    ],
    [
      'a certificate that is none',
      () => ({ certFile: copy('README.md'), keyFile: copy('other.key') }),
      /PEM|no start line/i,
    ],
  ])('%s is an error with its reason', async (_, change, message) => {
    await using cloud = await demanding();
    const error = { kind: 'unreachable', message: expect.stringMatching(message) };
    await expect(request(cloud, change())).rejects.toMatchObject(error);
    expect(cloud.seen).toEqual([]);
  });
});
