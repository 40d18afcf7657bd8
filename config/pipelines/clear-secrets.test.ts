import { describe, expect, it } from 'vitest';
import { parseDocument } from '../document/document.ts';
import { formatProblem, type Problem } from '../document/problem.ts';
import { hasSecretForm, isInClear, isSecretName, secretWordIn } from './clear-secrets.ts';
import { readCustomTask } from './custom-tasks.ts';

function problemsOf(...lines: string[]): string[] {
  const document = parseDocument('/etc/ra/f', new TextEncoder().encode(['[a]', ...lines, ''].join('\n')));
  const problems: Problem[] = [...document.problems];
  for (const section of document.sections) readCustomTask(section, problems);
  return problems.filter(({ severity }) => severity === 'error').map(formatProblem);
}

const PROGRAM = ['driver = executable', 'command = /bin/a'];

describe('the name of a secret', () => {
  it.each([
    ...[
      'password',
      'db_password',
      'dbPassword',
      'DB_PASSWD',
      'password2',
      'smtp-pass',
      'passphrase',
      'secret',
      'client_secret',
    ],
    ...[
      'token',
      'api_token',
      'authtoken',
      'token_value',
      'tokens',
      'credential',
      'credentials',
      'aws_secret_access_key',
    ],
    ...[
      'api_key',
      'apiKey',
      'apikey',
      'X-Api-Key',
      'private_key',
      'routing_key',
      'key',
      'Authorization',
      'basic_auth',
      'cookie',
    ],
  ])('%s', (name) => expect(isSecretName(name)).toBe(true));

  it.each([
    ...[
      'password_file',
      'token_url',
      'secret_path',
      'key_name',
      'public_key',
      'sort_key',
      'dedup_key',
      'host',
      'severity',
    ],
    ...['monkey', 'author', 'passed', 'compass', 'keyboard', 'tokenizer', 'secretary', 'file', 'inventory', 'ticket'],
  ])('is not %s', (name) => expect(isSecretName(name)).toBe(false));
});

it.each([
  ['postgres://ops:hunter2@db/x', true],
  ['see https://ops:hunter2@example.org for more', true],
  ['-----BEGIN RSA PRIVATE KEY-----', true],
  ['ghp_0123456789abcdefghij0123', true],
  ['https://hooks.slack.com/services/T0/B0/xyz', true],
  ['https://example.org:8443/a@b', false],
  ['https://ops@example.org/', false],
  ['mail ops@example.org: it failed', false],
  ['{{ host_name }}:{{ port }}@x', false],
])('%s has the form of a secret: %s', (text, is) => expect(hasSecretForm(text)).toBe(is));

it.each([
  ['hunter2', true],
  ['Bearer hunter2', true],
  ['x{{ ticket }}', true],
  ['file:relative', true],
  ['', false],
  ['{{ ticket }}', false],
  ['Bearer {{ ticket }}', false],
  ['file:/etc/ra/token', false],
  ['file:./token', false],
  ['env:API_TOKEN', false],
])('%s is in clear: %s', (text, is) => expect(isInClear(text)).toBe(is));

it.each([
  [['/bin/a', '--password=hunter2'], '"password"'],
  [['/bin/a', '--api-token', 'hunter2'], '"api-token"'],
  [['/usr/bin/env', 'DB_PASSWORD=hunter2', '/bin/a'], '"DB_PASSWORD"'],
  [['/bin/a', 'https://ops:hunter2@example.org'], 'word 2'],
  [['/bin/a', '--login={{ login.password }}'], '"login.password"'],
  [['/bin/a', '{{ tokens.0 }}'], '"tokens.0"'],
  [['/bin/a', '--token-file=/etc/ra/token', '--key', '--verbose'], undefined],
  [['/bin/a', '{{ host_name }}', '--name={{ instances.name }}'], undefined],
])('a command %j shows %s', (command, found) => expect(secretWordIn(command, isSecretName)).toBe(found));

describe('a definition', () => {
  it.each([
    [
      [...PROGRAM, 'api_token = hunter2'],
      /^\/etc\/ra\/f:4:13: "api_token" resembles a secret in clear.*write api_token = file:\/PATH .* or env:VARIABLE; .*"not_secret = api_token"$/,
    ],
    [[...PROGRAM, 'database = postgres://ops:hunter2@db/x'], /:4:12: "database" resembles a secret/],
    [
      ['driver = executable', 'command = /bin/a --password hunter2'],
      /:3:11: "password" .*among the processes.*"not_secret = password"$/,
    ],
    [[...PROGRAM, 'provides = auth_token'], /:4:12: "auth_token" resembles a secret/],
    [['driver = webhook', 'url = https://hooks.slack.com/services/T0/B0/x'], /:3:7: "url" .*use url_file/],
    [
      ['driver = webhook', 'url = https://x/', 'headers = {X-Access-Token: hunter2}'],
      /:4:11: "X-Access-Token" .*write file:\/PATH/,
    ],
    [['driver = webhook', 'url = https://x/', 'body = {auth: {login: ops, password: hunter2}}'], /:4:8: "password" /],
    [
      ['driver = mistral', 'workflow_name = w', 'inputs = {admin_password: hunter2}'],
      /:4:10: "admin_password" .*Barbican/,
    ],
    [
      ['driver = mistral', 'workflow_name = w', 'inputs = {admin_password: "file:/etc/x"}'],
      /:4:10: "admin_password" .*Barbican/,
    ],
    [
      [
        'driver = recovery_action',
        'actions = [{name: WORKFLOW, params: {workflow_name: w, inputs: {token: hunter2}}}]',
      ],
      /:3:11: "token" /,
    ],
    [
      ['driver = mail', 'to = a@example.org', 'from = a@example.org', 'body = https://ops:hunter2@example.org'],
      /:5:8: "body" /,
    ],
    [
      [...PROGRAM, 'not_secret = api_token', 'api_token = file:/etc/x'],
      /:5:13: "api_token" is in "not_secret" and reads like a reference/,
    ],
  ])('with a secret in clear is refused, and not quoted: %j', (lines, message) => {
    const found = problemsOf(...lines);
    expect(found).toEqual([expect.stringMatching(message)]);
    expect(found.join()).not.toContain('hunter2');
  });

  it.each([
    [[...PROGRAM, 'api_token = file:/etc/ra/token']],
    [[...PROGRAM, 'api_token = env:API_TOKEN', 'token_file = /etc/ra/token']],
    [[...PROGRAM, 'not_secret = sorting_key, password', 'sorting_key = name', 'password = none']],
    [['driver = executable', 'command = /bin/a --key-name x', 'provides = ticket']],
    [['driver = executable', 'command = /bin/a --token prefix', 'not_secret = token']],
    [['driver = webhook', 'url = https://x/', 'headers = {X-Api-Key: "env:API_KEY"}', 'body = {token: "file:./t"}']],
    [['driver = webhook', 'url = https://x/', 'not_secret = routing_key', 'body = {routing_key: west}']],
  ])('with references, or names that are excepted, is fine: %j', (lines) => {
    expect(problemsOf(...lines)).toEqual([]);
  });

  it('has a relative path of a reference from the folder of its file', () => {
    const document = parseDocument(
      '/etc/ra/f',
      new TextEncoder().encode('[a]\ndriver = module\nmodule = ./m.js\napi_token = file:../t\n'),
    );
    const [section] = document.sections;
    expect(section && readCustomTask(section, [])?.task.parameters).toEqual({ api_token: 'file:/etc/t' });
  });
});
