import { expect, test } from 'vitest';
import { hostOfCertificate } from './certificate-host.ts';

test.each([
  ['DNS:compute-1', 'compute-1'],
  ['DNS:compute-1, DNS:compute-1.example.org, IP Address:192.0.2.1', 'compute-1.example.org'],
  ['IP Address:192.0.2.1', undefined],
  ['DNS:compute-1, DNS:compute-2', undefined],
  ['DNS:*.example.org', undefined],
  ['DNS:"compute-1, DNS:compute-2"', undefined],
  ['DNS:local', undefined],
  ['DNS:Engine.', undefined],
  [undefined, undefined],
])('a certificate with %j is that of %j', (names, host) => {
  expect(hostOfCertificate(names)).toBe(host);
});
