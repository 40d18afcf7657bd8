import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { ProxyVariables, proxyFor } from './proxy.ts';

const through = (url: string, variables: Readonly<Record<string, string>>) =>
  proxyFor(new URL(url), new ProxyVariables(variables))?.url.href;

test.each<[string, Readonly<Record<string, string>>, string | undefined]>([
  ['https://a.example', {}, undefined],
  ['https://a.example', { HTTPS_PROXY: 'http://p:3128' }, 'http://p:3128/'],
  ['http://a.example', { HTTPS_PROXY: 'http://p:3128' }, undefined],
  ['http://a.example', { HTTP_PROXY: 'p:3128' }, 'http://p:3128/'],
  ['https://a.example', { all_proxy: 'http://p:1' }, 'http://p:1/'],
  ['https://a.example', { https_proxy: 'http://low', HTTPS_PROXY: 'http://up' }, 'http://low/'],
  ['https://a.example', { https_proxy: '', HTTPS_PROXY: 'http://up' }, undefined],
  ['https://a.example', { HTTPS_PROXY: '', ALL_PROXY: 'http://all' }, 'http://all/'],
])('%s with %o uses %s', (url, variables, expected) => expect(through(url, variables)).toBe(expected));

test.each<[string, string]>([
  ['https://a.example', 'a.example'],
  ['https://a.example', '.example'],
  ['https://a.example', 'x, example'],
  ['https://a.example:5000', 'a.example:5000'],
  ['https://a.example', '*'],
  ['https://A.EXAMPLE', 'Example'],
  ['https://10.1.2.3:5000', '10.1.0.0/16'],
  ['https://10.1.2.3', '10.1.2.3'],
  ['https://[fd00::1]', 'fd00::1'],
])('%s is exempt with no_proxy %s', (url, list) => {
  expect(through(url, { HTTPS_PROXY: 'http://p', NO_PROXY: list })).toBe(undefined);
  expect(through(url, { HTTPS_PROXY: 'http://p', no_proxy: list })).toBe(undefined);
});

test.each<[string, string]>([
  ['https://a.example', 'b.example'],
  ['https://a.example:5000', 'a.example:5001'],
  ['https://10.1.2.3', '10.2.0.0/16'],
  ['https://10.1.2.3', '10.1.0.0/33'],
  ['https://a.example', '* '],
  ['https://a.example', ''],
])('%s is not exempt with no_proxy %j', (url, list) => {
  expect(through(url, { HTTPS_PROXY: 'http://p', NO_PROXY: list })).toBe('http://p/');
});

test('what cannot be used is named without its value', () => {
  expect(() => through('https://a', { HTTPS_PROXY: 'socks5://s3cret@p' })).toThrow(
    /^HTTPS_PROXY is not the URL of an HTTP/,
  );
});

test('only the variables about proxies are kept, and show no value', () => {
  const variables = new ProxyVariables({ HTTPS_PROXY: 's3cret', no_proxy: 'b', PATH: '/', OS_PASSWORD: 's3cret' });
  expect(variables.names).toEqual(['HTTPS_PROXY', 'no_proxy']);
  expect(JSON.stringify({ variables }) + inspect({ variables }, { showHidden: true, depth: 9 })).not.toContain(
    's3cret',
  );
});
