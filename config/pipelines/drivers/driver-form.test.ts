import { describe, expect, test } from 'vitest';
import { parseDocument } from '../../document/document.ts';
import { formatProblem, type Problem } from '../../document/problem.ts';
import { readCustomTask } from '../custom-tasks.ts';

/** What is wrong with a section, as an operator reads it. */
function faults(...lines: string[]): string[] {
  const document = parseDocument('f', new TextEncoder().encode(['[hook]', ...lines].join('\n')));
  const problems: Problem[] = [...document.problems];
  const [section] = document.sections;
  if (section) readCustomTask(section, problems);
  return problems.map(formatProblem);
}

describe('a webhook', () => {
  const webhook = (...lines: string[]) => faults('driver = webhook', ...lines);

  test('takes a URL with values in it, or the file of one', () => {
    expect(webhook('url = https://chat.example.com/{{ host_name }}')).toEqual([]);
    expect(webhook('url_file = /etc/hook')).toEqual([]);
    expect(webhook()).toEqual(['f:1:1: task "hook" needs the option "url", or "url_file"']);
    expect(webhook('url = https://a/', 'url_file = /etc/hook')).toHaveLength(1);
  });

  test('has no URL of another kind, and none with a password', () => {
    expect(webhook('url = ftp://a/')).toEqual([expect.stringContaining('must begin with http:// or https://')]);
    expect(webhook('url = {{ host_name }}')).toEqual([expect.stringContaining('must begin with http:// or https://')]);
    expect(webhook('url = https://a/', 'body = {text: {{ host_name }}}')).toEqual([
      expect.stringMatching(/^f:4:\d+: "body" has a structure as a name; write the template in quotes/),
    ]);
    expect(webhook('url = https://{{ host_name }}.bmc.example.org:8443/power')).toEqual([]);
    for (const url of [
      'https://{{ host_name }}/',
      'https://{{ host_name }}.com/',
      'https://x{{ host_name }}.local:8443/',
      'http://127.0.0.1{{ host_name }}',
      'https://a.b:{{ host_name }}/x',
    ]) {
      expect(webhook(`url = ${url}`)).toEqual([expect.stringContaining('"url" has a value that chooses the server')]);
    }
    expect(webhook('url = https://user:word@a/')).toEqual([expect.stringMatching(/f:3.*no user and no password/)]);
  });

  test('has no secrets among its headers, none that it sets itself, and only texts', () => {
    expect(webhook('url = https://a/', 'headers = {X-Host: "{{ host_name }}", X-Level: 3}')).toEqual([]);
    expect(webhook('url = https://a/', 'headers = {authorization: Bearer}')).toEqual([
      expect.stringContaining('cannot hold authorization, a secret; use token_file'),
    ]);
    expect(webhook('url = https://a/', 'headers = {Idempotency-Key: a}')).toHaveLength(1);
    expect(webhook('url = https://a/', 'headers = {X-A: [1]}')).toHaveLength(1);
    expect(webhook('url = https://a/', 'headers = ["X-A"]')).toHaveLength(1);
    expect(webhook('url = https://a/', 'headers = {"X A": b}')).toHaveLength(1);
  });

  test.each([
    ['url = http://a.example/', ['token_file = /etc/token'], true],
    ['url = HTTP://a.example/', ['headers = {X-Api-Key: "env:API_KEY"}'], true],
    ['url = http://{{ host_name }}.a.example/', ['body = {login: {password: "file:/etc/token"}}'], true],
    ['url = http://localhost.example.org/', ['token_file = /etc/token'], true],
    ['url = https://a.example/', ['token_file = /etc/token'], false],
    ['url = http://localhost:8080/', ['token_file = /etc/token'], false],
    ['url = http://127.0.0.1/', ['token_file = /etc/token'], false],
    ['url = http://[::1]:80/', ['token_file = /etc/token'], false],
    ['url = http://a.example/', ['hmac_key_file = /etc/key'], false],
  ])('sends no secret in clear: %s with %s', (url, lines, isRefused) => {
    const fault = expect.stringContaining('f:3:7: a secret must not travel in clear');
    expect(webhook(url, ...lines)).toEqual(isRefused ? [fault] : []);
  });

  test('that gets has no body', () => {
    expect(webhook('url = https://a/', 'method = GET', 'body = {}')).toEqual([
      expect.stringContaining('a GET has no body'),
    ]);
  });
});

describe('a mail', () => {
  const mail = (...lines: string[]) => faults('driver = mail', 'from = agent@example.com', ...lines);

  test('to the owners of instances requires these', () => {
    expect(mail('to = owners', 'requires = instances')).toEqual([]);
    expect(mail('to = owners')).toEqual([expect.stringMatching(/f:4.*"to = owners" needs "requires = instances"/)]);
  });

  test('goes to mail addresses, as far as they are known', () => {
    expect(mail('to = Ops <ops@example.org>, {{ host_name }}@example.org')).toEqual([]);
    expect(mail('to = {{ instances.name | join ", " }}')).toEqual([]);
    expect(mail('to = owner')).toEqual([
      'f:4:6: "to" takes mail addresses, which "owner" is not; did you mean "owners"?',
    ]);
    expect(mail('to = a@example.org, ops@@example.org')).toEqual([
      'f:4:6: "to" takes mail addresses, which "ops@@example.org" is not',
    ]);
    expect(mail('to =')).toEqual([expect.stringContaining('"to" contains no address')]);
    expect(faults('driver = mail', 'to = a@b', 'from = agent')).toEqual([
      'f:4:8: "from" takes mail addresses, which "agent" is not',
    ]);
  });

  test('logs in over TLS only, with a user and a password', () => {
    const login = ['to = a@example.com', 'smtp_user = agent', 'smtp_password_file = /etc/word'];
    expect(mail(...login, 'smtp_tls = required')).toEqual([]);
    expect(mail(...login)).toEqual([expect.stringContaining('a password must not travel in clear')]);
    expect(mail('to = a@example.com', 'smtp_user = agent', 'smtp_tls = tls')).toEqual([
      expect.stringContaining('"smtp_user" and "smtp_password_file" belong together'),
    ]);
  });
});
