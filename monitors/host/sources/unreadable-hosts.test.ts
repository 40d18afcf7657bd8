import { expect, test } from 'vitest';
import type { Fact } from './source.ts';
import { UnreadableHosts } from './unreadable-hosts.ts';

test('a host that cannot be read is logged once for each reason, and when it can be read again', () => {
  const lines: string[] = [];
  const hosts = new UnreadableHosts((level, message, fields) =>
    lines.push(`${level} ${message} ${fields?.reason ?? ''}`),
  );
  const fact = (detail: string, isUnreadable: boolean): Fact => {
    return { source: 'ipmi', host: 'a', state: 'unknown', at: 1, detail, ...(isUnreadable ? { isUnreadable } : {}) };
  };
  for (const one of [fact('powered on', false), fact('refused', true), fact('refused', true), fact('silent', true)]) {
    hosts.note('ipmi', [one]);
  }
  hosts.note('ipmi', [fact('powered on', false)]);
  expect(lines).toEqual([
    'warning the state of a host cannot be read refused',
    'warning the state of a host cannot be read silent',
    'info the state of a host can be read again ',
  ]);
});
