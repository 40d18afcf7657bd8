import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readDomainXml } from './domain-xml.ts';

const fixture = (name: string) =>
  readFileSync(new URL(`../../test/fixtures/guest/${name}.xml`, import.meta.url), 'utf8');

test('the channel has the state connected once an agent has opened it', () => {
  const connected = fixture('agent-connected');
  expect(readDomainXml(connected).channel).toBe('connected');
  const closed = connected.replace("state='connected'", "state='disconnected'");
  expect(readDomainXml(closed).channel).toBe('disconnected');
});

test('an instance without an agent channel is distinguished from one with it', () => {
  expect(readDomainXml(fixture('no-channel'))).toEqual({
    channel: 'none',
    instance: { flavor: 'm1.tiny', project: 'p1', extraSpecs: new Map() },
  });
});

test('a domain that Nova did not create is no instance', () => {
  expect(readDomainXml(fixture('not-of-nova'))).toEqual({ channel: 'disconnected', instance: undefined });
});

test('Nova’s metadata is found by the namespace, not by the prefix', () => {
  const xml = (namespace: string) =>
    `<domain><metadata><n:instance xmlns:n="${namespace}"><n:flavor name="m 1"><n:extraSpecs>` +
    '<n:extraSpec name="evacuable">true</n:extraSpec></n:extraSpecs></n:flavor></n:instance></metadata></domain>';
  expect(readDomainXml(xml('http://openstack.org/xmlns/libvirt/nova/1.1')).instance).toEqual({
    flavor: 'm 1',
    project: '',
    extraSpecs: new Map([['evacuable', 'true']]),
  });
  expect(readDomainXml(xml('http://example.org/')).instance).toBeUndefined();
});

test.each(['', 'no XML', '<domainsnapshot/>', '<domain', `<domain>${' '.repeat(3_000_000)}</domain>`])(
  'a text that is not a domain is refused (%#)',
  (text) => {
    if (text === '<domain') expect(() => readDomainXml(text)).toThrow();
    else expect(() => readDomainXml(text)).toThrow(/describe a domain|characters/);
  },
);
