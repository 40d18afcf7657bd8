import { expect, test } from 'vitest';
import { ConfigurationError, formatProblem } from './document/problem.ts';
import { loadConfiguration } from './load.ts';
import { DEFAULT_OPTIONS, type EngineOptions } from './options/options.ts';

function load(text: string): { options: EngineOptions | undefined; problems: string[] } {
  const content = { bytes: new TextEncoder().encode(`[transport]\n${text}`), mode: 0o640 };
  try {
    const loaded = loadConfiguration({ mainFile: 'f', readFile: (path) => (path === 'f' ? content : undefined) });
    return { options: loaded.options, problems: loaded.warnings.map(formatProblem) };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return { options: undefined, problems: error.problems.map(formatProblem) };
  }
}

test('without options monitors use the engine of their own node, and the engine accepts no other node', () => {
  expect(DEFAULT_OPTIONS.transport).toMatchObject({
    target: 'engine',
    engines: [],
    listen: [],
    port: 7420,
  });
});

test('engines may be named, numbered, on other ports, and many', () => {
  const { options, problems } = load(
    'engines = unix:/run/e.sock, controller-1\n  controller-2.example:7000, 192.0.2.1:1, [2001:db8::1], [::1]:65535\nkey_file = /k',
  );
  expect(problems).toEqual([]);
  expect(options?.transport.engines).toEqual([
    { kind: 'unix', path: '/run/e.sock' },
    { kind: 'tls', host: 'controller-1', port: undefined },
    { kind: 'tls', host: 'controller-2.example', port: 7000 },
    { kind: 'tls', host: '192.0.2.1', port: 1 },
    { kind: 'tls', host: '2001:db8::1', port: undefined },
    { kind: 'tls', host: '::1', port: 65_535 },
  ]);
});

test.each([
  'host:0',
  'host:65536',
  'host:x',
  ':7420',
  '2001:db8::1',
  '[controller]',
  'unix:run',
  'a b/c',
  'https://c',
  '-c',
])('no engine has the address %j', (address) => {
  expect(load(`engines = ok, ${address}\nkey_file = /k`).problems.join()).toMatch(
    /^f:2:\d+: "engines" takes addresses like unix:/,
  );
});

test.each([
  [
    'listen = 0.0.0.0',
    '2:10: "listen" needs "key_ring_file" (see "recovery-agent key init") or certificates: a node must prove its identity before it may report failures',
  ],
  [
    'engines = controller-1',
    '2:11: "engines" needs "key_file" (see "recovery-agent key issue") or certificates for engines of other nodes',
  ],
  ['ca_file = /ca', '2:11: "ca_file" is of no use without "certificate_file" and "certificate_key_file"'],
  ['certificate_file = /c\nca_file = /ca', '3:11: "ca_file" is of no use without "certificate_key_file"'],
  [
    'ca_file = /ca\nkey_file = /k',
    '3:12: "key_file" and "ca_file" exclude each other: nodes prove themselves by keys or by certificates',
  ],
  [
    'listen = unix:/x\nkey_file = /k',
    '2:10: "listen" takes addresses of this node like 0.0.0.0, 192.0.2.1:7420 or [::], or nothing, not "unix:/x"',
  ],
  ['target = nova', '2:10: "target" takes one of engine, masakari, not "nova"'],
  [
    'masakari_endpoint = controller',
    '2:21: "masakari_endpoint" takes an http:// or https:// URL, or nothing, not "controller"',
  ],
])('%j is refused', (text, expected) => {
  expect(load(text).problems).toEqual([`f:${expected}`]);
});

test('addresses of engines need no key where reports go to Masakari', () => {
  expect(load('target = masakari\nengines = controller-1').problems).toEqual([]);
});
