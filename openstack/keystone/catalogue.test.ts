import { expect, test } from 'vitest';
import { endpointOf } from './catalogue.ts';

const endpoint = (region: string, face: string, type = 'compute') => ({
  type,
  interface: face,
  region,
  url: `http://${region}.${face}/`,
});
const wanted = { type: 'compute', interface: 'internal', region: undefined } as const;

test('the endpoint is the one of the interface and the region', () => {
  const catalogue = [endpoint('a', 'public'), endpoint('a', 'internal'), endpoint('b', 'internal')];
  expect(endpointOf(catalogue, { ...wanted, region: 'b' }).href).toBe('http://b.internal/');
  expect(endpointOf(catalogue, { ...wanted, interface: 'public' }).href).toBe('http://a.public/');
});

test('several regions without a choice are refused, for hosts of both may share a name', () => {
  const catalogue = [endpoint('a', 'internal'), endpoint('b', 'internal')];
  expect(() => endpointOf(catalogue, wanted)).toThrow('several regions; set region_name to one of a, b');
});

test('a missing endpoint is reported together with the existing ones', () => {
  const catalogue = [endpoint('a', 'public'), endpoint('a', 'public', 'identity')];
  expect(() => endpointOf(catalogue, { ...wanted, region: 'b' })).toThrow(
    'no endpoint for compute, interface internal, region b; it has compute (public, a), identity (public, a)',
  );
  expect(() => endpointOf([], wanted)).toThrow('none at all');
  expect(() => endpointOf([{ ...endpoint('a', 'internal'), url: '%(host)s' }], wanted)).toThrow('is not a URL');
});
