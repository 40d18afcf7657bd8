import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseCib } from './cib.ts';
import { readClusterTime } from './cluster-time.ts';
import { parseCrmMon } from './crm-mon.ts';
import { MAX_XML_BYTES, parseXml } from './xml.ts';

const read = (path: string) =>
  readFileSync(new URL(`../../../../test/fixtures/pacemaker/${path}`, import.meta.url), 'utf8');
const crmMon = read('all-online/crm_mon.xml');

describe('an answer of crm_mon is refused', () => {
  test.each([
    ['cut off anywhere', crmMon.slice(0, 5000), /no whole XML/],
    ['empty', '', /no/],
    ['no XML', 'Connection to cluster failed', /no/],
    ['with a document type', `<!DOCTYPE a [<!ENTITY b "c">]>${crmMon}`, /document type/],
    ['that reports a failure', crmMon.replace('<status code="0"', '<status code="102"'), /crm_mon failed/],
    ['without a status', crmMon.replace(/<status .*\/>/, ''), /no status/],
    [
      'with a node that lacks a word',
      crmMon.replaceAll(' unclean="false"', ''),
      /node that is not understood: unclean/,
    ],
    ['with a word that is not known', crmMon.replaceAll('online="true"', 'online="maybe"'), /not understood: online/],
  ])('%s', (_, text, message) => {
    expect(() => parseCrmMon(text)).toThrow(message);
  });

  test('that is too long', () => {
    expect(() => parseXml(`<a>${' '.repeat(MAX_XML_BYTES)}</a>`, 'it')).toThrow(/more than/);
  });
});

test('an answer of cibadmin is refused when it is cut off or another document', () => {
  expect(() => parseCib(read('all-online/cib.xml').slice(0, 20_000))).toThrow(/no whole XML/);
  expect(() => parseCib(crmMon)).toThrow(/no CIB/);
});

test('only connections of the remote agent count, in any spelling', () => {
  expect([...parseCrmMon(crmMon).connections.keys()]).toEqual(['c1', 'c2']);
  const older = crmMon.replaceAll('ocf:pacemaker:remote', 'ocf::pacemaker:remote');
  expect([...parseCrmMon(older).connections.keys()]).toEqual(['c1', 'c2']);
});

test('a connection with an operation under way is not started, as newer versions write it', () => {
  const pending = crmMon.replace('<resource id="c2" ', '<resource pending="Starting" id="c2" ');
  expect(parseCrmMon(pending).connections.get('c2')?.isStarted).toBe(false);
});

test('membership is read as newer versions write it, as the time since when', () => {
  const cib = read('member-fenced-off/cib.xml')
    .replace(/(uname="n1"[^>]*in_ccm=)"true"/, '$1"1795248600"')
    .replace(/(uname="n3"[^>]*in_ccm=)"false"/, '$1"0"');
  const { states } = parseCib(cib);
  expect([states.get('n1')?.isMember, states.get('n3')?.isMember]).toEqual([true, false]);
});

test.each([
  ['2026-11-21 08:13:35Z', '2026-11-21T08:13:35.000Z'],
  ['2026-11-21 08:13:35.123456Z', '2026-11-21T08:13:35.123Z'],
  ['2026-11-21 10:13:35 +02:00', '2026-11-21T08:13:35.000Z'],
  ['2026-11-21 10:13:35 +0200', '2026-11-21T08:13:35.000Z'],
  // Pacemaker 2.0; the tools run in UTC.
  ['Sat Nov 21 08:13:35 2026', '2026-11-21T08:13:35.000Z'],
  ['Sun Nov  1 08:13:35 2026\n', '2026-11-01T08:13:35.000Z'],
  ['Sat Foo 21 08:13:35 2026', undefined],
  ['2026-11-21 08:13:35', undefined],
  [undefined, undefined],
])('the time %s is %s', (text, expected) => {
  const at = readClusterTime(text);
  expect(at === undefined ? undefined : new Date(at).toISOString()).toBe(expected);
});
