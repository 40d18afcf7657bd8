import { describe, expect, test } from 'vitest';
import { parseNotification } from '#protocol/notification.ts';
import type { Verdict } from './judge.ts';
import { reportOf, type Told, type Unproven } from './reports.ts';

const AT = Date.parse('2026-11-21T08:39:57Z');
const MINUTE = 60_000;

const fencedAt = (since: number) => ({ state: 'dead', proof: 'fenced', since }) as const;
const foundOff = (since: number) => ({ state: 'dead', proof: 'power off', since }) as const;
const in_ = (state: Verdict['state'], since = AT) => ({ state, since }) as const;

function words(
  verdict: Pick<Verdict, 'state' | 'proof' | 'since'>,
  told?: Told,
  unproven: Unproven = 'silent',
): string | undefined {
  const report = reportOf('c2', verdict, told, unproven);
  if (report === undefined) return undefined;
  const { generated_time, payload } = parseNotification(report.body);
  const { event, cluster_status, host_status } = payload as Readonly<Record<string, string>>;
  return `${event} ${cluster_status} ${host_status} at ${generated_time.toISOString()}, then ${report.told?.said ?? 'nothing'}`;
}

const FENCED: Told = { said: 'dead', since: AT, proof: 'fenced' };
const STOPPED = 'STOPPED OFFLINE NORMAL at 2026-11-21T08:39:57.000Z, then dead';

describe('reported is', () => {
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
      'its return after its death, whatever the clocks say',
      words(in_('up', AT - MINUTE), FENCED),
      'STARTED ONLINE NORMAL at 2026-11-21T08:39:57.001Z, then nothing',
    ],
    ['nothing of a host that is up and always was', words(in_('up')), undefined],
    ['nothing of one in doubt', words(in_('suspected')), undefined],
    ['nothing of one that leaves', words(in_('leaving')), undefined],
    ['nothing of one that nothing is known of', words(in_('unknown'), FENCED), undefined],
    [
      'one in doubt, as UNKNOWN, if that is asked for',
      words(in_('suspected'), undefined, 'reported'),
      'STOPPED OFFLINE UNKNOWN at 2026-11-21T08:39:57.000Z, then suspected',
    ],
    ['it but once', words(in_('suspected', AT + 1), { said: 'suspected', since: AT }, 'reported'), undefined],
    ['its death when it is proven', words(fencedAt(AT), { said: 'suspected', since: AT }), STOPPED],
    ['no doubt about one that was proven dead', words(in_('suspected'), FENCED, 'reported'), undefined],
  ])('%s', (_, said, expected) => {
    expect(said).toBe(expected);
  });
});
