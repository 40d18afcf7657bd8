import { describe, expect, test } from 'vitest';
import { parseNotification } from '#protocol/notification.ts';
import { type LastReport, missedDeath, reportedProof, reportOf, type Unproven } from './report-decision.ts';
import type { HostDecision } from './state-decision.ts';

const AT = Date.parse('2026-11-21T08:39:57Z');
const MINUTE = 60_000;

const fencedAt = (since: number) => ({ state: 'dead', proof: 'fenced', since }) as const;
const foundOff = (since: number) => ({ state: 'dead', proof: 'power off', since }) as const;
const in_ = (state: HostDecision['state'], since = AT) => ({ state, since }) as const;

function words(
  decision: Pick<HostDecision, 'state' | 'proof' | 'since'>,
  received?: LastReport,
  unproven: Unproven = 'silent',
): string | undefined {
  const report = reportOf('c2', decision, received, unproven);
  if (report === undefined) return undefined;
  const { generated_time, payload } = parseNotification(report.body);
  const { event, cluster_status, host_status } = payload as Readonly<Record<string, string>>;
  return `${event} ${cluster_status} ${host_status} at ${generated_time.toISOString()}, then ${report.last?.said ?? 'nothing'}`;
}

const FENCED: LastReport = { said: 'dead', since: AT, proof: 'fenced' };
const STOPPED = 'STOPPED OFFLINE NORMAL at 2026-11-21T08:39:57.000Z, then dead';

describe('the report is', () => {
  test.each<[string, string | undefined, string | undefined]>([
    ['a host found dead, with the time of its fencing', words(fencedAt(AT)), STOPPED],
    ['nothing more while it stays dead', words(fencedAt(AT), FENCED), undefined],
    ['nothing while the history has the fencing with another clock', words(fencedAt(AT + 2_000), FENCED), undefined],
    [
      'a second death that was fenced later',
      words(fencedAt(AT + MINUTE), FENCED),
      'STOPPED OFFLINE NORMAL at 2026-11-21T08:40:57.000Z, then dead',
    ],
    [
      'a power-off once, however often it is found',
      words(foundOff(AT + MINUTE), { ...FENCED, proof: 'power off' }),
      undefined,
    ],
    [
      'no fencing of a host that was found without power',
      words(fencedAt(AT + MINUTE), { ...FENCED, proof: 'power off' }),
      undefined,
    ],
    [
      'a host that came back',
      words(in_('up', AT + MINUTE), FENCED),
      'STARTED ONLINE NORMAL at 2026-11-21T08:40:57.000Z, then nothing',
    ],
    [
      'its return after its death, for any clocks',
      words(in_('up', AT - MINUTE), FENCED),
      'STARTED ONLINE NORMAL at 2026-11-21T08:39:57.001Z, then nothing',
    ],
    ['nothing of a host that is up and always was', words(in_('up')), undefined],
    ['nothing for a suspected host', words(in_('suspected')), undefined],
    ['nothing of one that leaves', words(in_('leaving')), undefined],
    ['nothing for a host in state unknown', words(in_('unknown'), FENCED), undefined],
    [
      'a suspected host, as UNKNOWN, if the option requires it',
      words(in_('suspected'), undefined, 'reported'),
      'STOPPED OFFLINE UNKNOWN at 2026-11-21T08:39:57.000Z, then suspected',
    ],
    ['it but once', words(in_('suspected', AT + 1), { said: 'suspected', since: AT }, 'reported'), undefined],
    ['its death when it is proven', words(fencedAt(AT), { said: 'suspected', since: AT }), STOPPED],
    ['no doubt about one that was proven dead', words(in_('suspected'), FENCED, 'reported'), undefined],
  ])('%s', (_, reported, expected) => {
    expect(reported).toBe(expected);
  });
});

describe('a host that was fenced and is up again', () => {
  const missed = (fencings: readonly number[], known: readonly number[], received?: LastReport, now = AT + MINUTE) => {
    const report = missedDeath('c2', fencings, known, received, now);
    return report && { ...parseNotification(report.body), last: report.last, proof: report.proof };
  };

  test('is reported as dead since its fencing, without a proof that it is dead now', () => {
    expect(missed([AT], [])).toMatchObject({
      generated_time: new Date(AT),
      payload: { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' },
      last: { said: 'dead', since: AT, proof: 'fenced' },
      proof: 'none',
    });
  });

  test.each<[string, number | undefined, readonly number[], readonly number[], LastReport?]>([
    ['its newest fencing, of several', AT, [AT, AT - MINUTE], []],
    ['nothing of one that is known', undefined, [AT], [AT]],
    ['nothing of one that another node knows with its own clock', undefined, [AT + 2_000], [AT]],
    ['nothing of a fencing that was reported as a death', undefined, [AT + 2_000], [], FENCED],
    ['a second fencing after a death that was reported', AT + MINUTE, [AT, AT + MINUTE], [], FENCED],
    [
      'nothing of a fencing of a host that was reported as without power',
      undefined,
      [AT + MINUTE],
      [],
      { ...FENCED, proof: 'power off' },
    ],
    ['the fencing of a host that was reported as in doubt', AT, [AT], [], { said: 'suspected', since: AT - MINUTE }],
    ['its fencing, not later than now', AT + MINUTE, [AT + 60 * MINUTE], []],
    ['a fencing between others that are known', AT, [AT - MINUTE, AT, AT + MINUTE], [AT - MINUTE, AT + MINUTE]],
  ])('%s', (_, expected, fencings, known, received) => {
    expect(missed(fencings, known, received)?.generated_time.getTime()).toBe(expected);
  });
});

test.each<[string, Pick<HostDecision, 'state' | 'proof' | 'since'>, number, string]>([
  ['a fencing after the last poll', fencedAt(AT), 1_000, 'fencing'],
  ['a fencing by a node whose clock is an hour behind', fencedAt(AT - 60 * MINUTE), 60_000, 'fencing'],
  ['a recent fencing that the first poll finds', fencedAt(AT - 1_000), Number.POSITIVE_INFINITY, 'fencing'],
  [
    'an old fencing that the first poll finds: the host may have booted',
    fencedAt(AT - 2 * MINUTE),
    Number.POSITIVE_INFINITY,
    'none',
  ],
  ['a fencing in the future that the first poll finds', fencedAt(AT + 2 * MINUTE), Number.POSITIVE_INFINITY, 'none'],
  ['a BMC that reports no power', foundOff(AT), Number.POSITIVE_INFINITY, 'fencing'],
  ["an operator's confirmation", { state: 'dead', proof: 'operator', since: AT }, 1_000, 'none'],
  ['a policy that needs no proof', in_('dead'), 1_000, 'none'],
  ['a suspected host', in_('suspected'), 1_000, 'none'],
  ['a host that is up', in_('up'), 1_000, 'none'],
])('beside the report of %s', (_, decision, unfencedMs, expected) => {
  expect(reportedProof(decision, unfencedMs, AT)).toBe(expected);
});
