import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { DomainEvent } from '../libvirt/events.ts';
import type { DomainDecision } from './failure.ts';
import { decideEvent, decideListed, type Listed, needsLog } from './failure-decision.ts';
import { afterDecision, afterReport, type KnownDomain } from './known-domain.ts';

const NOW = 1_000_000;
const UUID = '11111111-0000-4000-8000-000000000001';
const ON: KnownDomain = { name: 'instance-00000001', life: 7, power: 'on', at: NOW - 1000, reported: [] };
const OFF: KnownDomain = { ...ON, power: 'off' };

const domain = (id: number) => ({ name: 'instance-00000001', uuid: UUID, id });
const lifecycle = (event: number, detail: number, id = 7): DomainEvent => ({
  kind: 'lifecycle',
  domain: domain(id),
  event,
  detail,
});
const words = (decision: DomainDecision): string =>
  decision.outcome === 'failed' ? `${decision.certainty}: ${decision.kind} in life ${decision.life}` : decision.outcome;

describe('an event', () => {
  test.each<[string, KnownDomain | undefined, DomainEvent, string]>([
    ['Stopped Failed is a death of the known life', ON, lifecycle(5, 5, -1), 'certain: killed in life 7'],
    ['Stopped Failed with its id is the same', ON, lifecycle(5, 5, 7), 'certain: killed in life 7'],
    ['Stopped Failed of an unknown domain is a death', undefined, lifecycle(5, 5, -1), 'certain: killed in life -1'],
    ['Stopped Crashed is the end of a panic', ON, lifecycle(5, 2, -1), 'certain: panicked in life 7'],
    ['Crashed Panicked is a panic', ON, lifecycle(8, 0), 'certain: panicked in life 7'],
    ['Suspended I/O Error is a stopped guest', ON, lifecycle(3, 2), 'certain: io-error in life 7'],
    ['Suspended Watchdog is a stopped guest', ON, lifecycle(3, 3), 'certain: watchdog in life 7'],
    ['Suspended API error is a stopped guest', ON, lifecycle(3, 6), 'certain: api-error in life 7'],
    ['Suspended by a user is no failure', ON, lifecycle(3, 0), 'on'],
    ['Suspended Migrated is no failure', ON, lifecycle(3, 1), 'on'],
    ['Stopped Shutdown is no failure', ON, lifecycle(5, 0, -1), 'off'],
    ['Stopped Destroyed is no failure', ON, lifecycle(5, 1, -1), 'off'],
    ['Stopped Migrated is no failure', ON, lifecycle(5, 3, -1), 'off'],
    ['Stopped Saved is no failure', ON, lifecycle(5, 4, -1), 'off'],
    ['Stopped From snapshot is no failure', ON, lifecycle(5, 6, -1), 'off'],
    ['Started is a new life', OFF, lifecycle(2, 0, 8), 'running'],
    ['Resumed runs', ON, lifecycle(4, 0), 'running'],
    ['Shutdown Finished is not yet the end', ON, lifecycle(6, 2), 'nothing'],
    ['Undefined while it runs changes nothing', ON, lifecycle(1, 0), 'nothing'],
    ['Undefined while it is off removes it', OFF, lifecycle(1, 0, -1), 'gone'],
    ['Defined changes nothing', OFF, lifecycle(0, 1, -1), 'nothing'],
    ['reboot runs', ON, { kind: 'reboot', domain: domain(7) }, 'running'],
    ['watchdog waits for the next event', ON, { kind: 'watchdog', domain: domain(7), action: 2 }, 'nothing'],
    ['control error waits as well', ON, { kind: 'control-error', domain: domain(7) }, 'nothing'],
    [
      'an I/O error reported to the guest is a failure with which it keeps running',
      ON,
      { kind: 'io-error', domain: domain(7), path: '/d', action: 2 },
      'certain: disk-error in life 7',
    ],
    [
      'an I/O error that stops the guest is reported by Suspended',
      ON,
      { kind: 'io-error', domain: domain(7), path: '/d', action: 1 },
      'nothing',
    ],
  ])('%s', (_, known, event, expected) => {
    expect(words(decideEvent(known, event))).toBe(expected);
  });

  test('a failure that was reported is not detected again in this life; a worse failure and the next life are', () => {
    const panicked: KnownDomain = { ...ON, reported: ['panicked'] };
    expect(words(decideEvent(panicked, lifecycle(8, 0)))).toBe('nothing');
    expect(words(decideEvent(panicked, lifecycle(5, 2, -1)))).toBe('off');
    expect(words(decideEvent(panicked, lifecycle(5, 5, 9)))).toBe('certain: killed in life 9');
    const standing: KnownDomain = { ...ON, reported: ['io-error'] };
    expect(words(decideEvent(standing, lifecycle(3, 2)))).toBe('nothing');
    expect(words(decideEvent(standing, lifecycle(5, 5, -1)))).toBe('certain: killed in life 7');
  });
});

describe('a listing', () => {
  const listed = (state: number, reason: number, after: Listed['after'] = 'resync', id = 7): Listed => ({
    id: state === 5 ? -1 : id,
    state: { state, reason },
    after,
  });
  const gone: Listed = { id: -1, state: undefined, after: 'resync' };
  const ended = (reason: string, at = NOW) => ({ reason, at });

  test.each<[string, KnownDomain | undefined, Listed, ReturnType<typeof ended> | undefined, string]>([
    ['running runs', ON, listed(1, 1), undefined, 'running'],
    ['paused by a user is no failure', ON, listed(3, 1), undefined, 'on'],
    ['paused (I/O error) is a stopped guest', ON, listed(3, 5), undefined, 'certain: io-error in life 7'],
    ['paused (watchdog) is a stopped guest', undefined, listed(3, 6), undefined, 'certain: watchdog in life 7'],
    ['paused (crashed) is a panic', ON, listed(3, 10), undefined, 'certain: panicked in life 7'],
    ['crashed (panicked) is a panic', undefined, listed(6, 1), undefined, 'certain: panicked in life 7'],
    ['on before, shut off (crashed): a death', ON, listed(5, 3), undefined, 'certain: killed in life 7'],
    [
      'on before, shut off (failed): a death, if Nova confirms it',
      ON,
      listed(5, 6),
      undefined,
      'uncertain: killed in life 7',
    ],
    ['on before, shut off (shutdown): no failure', ON, listed(5, 1), undefined, 'off'],
    ['on before, shut off (destroyed): no failure', ON, listed(5, 2), undefined, 'off'],
    ['on before, shut off (migrated): no failure', ON, listed(5, 4), undefined, 'off'],
    ['on before, shut off (saved): no failure', ON, listed(5, 5), undefined, 'off'],
    ['unknown, the log has crashed', ON, listed(5, 0), ended('crashed'), 'certain: killed in life 7'],
    ['unknown, the log has destroyed', ON, listed(5, 0), ended('destroyed'), 'off'],
    ['unknown, the log has shutdown', ON, listed(5, 0), ended('shutdown'), 'off'],
    ['unknown, the log has no reason', ON, listed(5, 0), undefined, 'uncertain: unexplained in life 7'],
    ['unknown, the log has unknown', ON, listed(5, 0), ended('unknown'), 'uncertain: unexplained in life 7'],
    [
      'unknown, the log ends with an earlier life',
      ON,
      listed(5, 0),
      ended('destroyed', NOW - 5000),
      'uncertain: unexplained in life 7',
    ],
    ['on before and vanished, the log has crashed', ON, gone, ended('crashed'), 'certain: killed in life 7'],
    ['on before and vanished, the log has migrated', ON, gone, ended('migrated'), 'off'],
    ['on before and vanished, the log has no reason', ON, gone, undefined, 'uncertain: unexplained in life 7'],
    ['off before and vanished: removed', OFF, gone, undefined, 'gone'],
    [
      'never seen, shut off (crashed): an old death, if Nova confirms it',
      undefined,
      listed(5, 3),
      undefined,
      'uncertain: killed in life -1',
    ],
    ['never seen, shut off (unknown): as after a start of the host', undefined, listed(5, 0), undefined, 'off'],
    ['off before, shut off (crashed): known', OFF, listed(5, 3), undefined, 'off'],
    [
      'off before, and the log has a later death that was not detected',
      OFF,
      listed(5, 3, 'reconnect'),
      ended('crashed', NOW),
      'certain: killed in life -1',
    ],
    [
      'off before, and the log has the known death',
      OFF,
      listed(5, 3, 'reconnect'),
      ended('crashed', NOW - 2000),
      'off',
    ],
  ])('%s', (_, known, one, ending, expected) => {
    expect(words(decideListed(known, one, ending))).toBe(expected);
  });

  test('a reported failure is not detected again in any listing', () => {
    expect(words(decideListed({ ...ON, reported: ['panicked'] }, listed(6, 1), undefined))).toBe('on');
    expect(words(decideListed({ ...ON, reported: ['panicked'] }, listed(5, 3), undefined))).toBe('off');
    expect(words(decideListed({ ...ON, reported: ['io-error'] }, listed(3, 5), undefined))).toBe('on');
    expect(words(decideListed({ ...ON, reported: ['io-error'] }, listed(3, 5, 'resync', 8), undefined))).toBe(
      'certain: io-error in life 8',
    );
  });

  test('a log is read only if it may have more than libvirt', () => {
    expect(needsLog(ON, listed(5, 0))).toBe(true);
    expect(needsLog(ON, gone)).toBe(true);
    expect(needsLog(ON, listed(5, 2))).toBe(false);
    expect(needsLog(ON, listed(1, 1))).toBe(false);
    expect(needsLog(OFF, listed(5, 3))).toBe(false);
    expect(needsLog(OFF, listed(5, 3, 'reconnect'))).toBe(true);
    expect(needsLog(undefined, listed(5, 3, 'reconnect'))).toBe(false);
  });
});

/** The failures that are reported at once when these events come one after the other, without a wait. */
function failuresOf(events: readonly DomainEvent[]): string[] {
  const known = new Map<string, KnownDomain | undefined>();
  const failures: string[] = [];
  for (const event of events) {
    const { uuid, name } = event.domain;
    const before = known.get(uuid);
    const decision = decideEvent(before, event);
    if (decision.outcome === 'failed') {
      failures.push(`${name} ${decision.kind}`);
      known.set(uuid, afterReport(before, { ...decision, name }, decision.recovers === 'never' ? 'off' : 'on', NOW));
    } else {
      known.set(uuid, afterDecision(before, decision, name, NOW));
    }
  }
  return failures;
}

/** Events as they were captured from libvirt 9.0: `TIME {"type":…,"dom":…}`. */
function captured(file: string): DomainEvent[] {
  const text = readFileSync(new URL(`../../test/fixtures/libvirt/${file}`, import.meta.url), 'utf8');
  return text.split('\n').flatMap((line) => {
    const [, json] = /^\S+ (\{"type".*\})$/.exec(line) ?? [];
    if (json === undefined) return [];
    const { type, dom, ...rest } = JSON.parse(json);
    return [{ kind: type, domain: dom, ...rest } as DomainEvent];
  });
}

test('exactly the failures of captured events are detected', () => {
  expect(failuresOf(captured('rpc-events.txt'))).toEqual([
    'instance-00000002 panicked',
    'instance-00000001 killed',
    'instance-00000003 io-error',
  ]);
  expect(failuresOf(captured('rpc-ioerror.txt'))).toEqual(['instance-00000003 io-error']);
});

test('a guest that runs again can fail again', () => {
  const life = [lifecycle(2, 0, 8), lifecycle(3, 2, 8), lifecycle(4, 0, 8), lifecycle(3, 2, 8), lifecycle(5, 5, -1)];
  expect(failuresOf(life).map((one) => one.split(' ')[1])).toEqual(['io-error', 'io-error', 'killed']);
  expect(failuresOf([...life, ...life])).toHaveLength(6);
});
