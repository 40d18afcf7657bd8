import { describe, expect, it } from 'vitest';
import { DEFAULT_SEGMENT, type FailoverSegment } from '#config/options/segments.ts';
import { matchInNova } from '../cloud/compute-hosts.ts';
import { compareWithNova, journalName } from './host-name-decision.ts';

function segments(...hosts: string[]): FailoverSegment[] {
  return [{ ...DEFAULT_SEGMENT, name: 'rack1', hosts }];
}

const nova = (...names: string[]) => ({ names, forcedDown: [], silent: [], deadServices: [], isComplete: true });

describe("Nova's name of a host", () => {
  it('is found by the short name where one host has it', () => {
    expect(matchInNova('c1', nova('c1.local', 'c2.local'))).toEqual({ match: 'one', name: 'c1.local' });
    expect(matchInNova('c1', nova('c1.a', 'c1.b')).match).toBe('several');
  });

  it('is not guessed from a list from which a cell may be missing', () => {
    const partial = { names: ['c1.b'], forcedDown: [], silent: [], deadServices: [], isComplete: false };
    expect(matchInNova('c1', partial)).toEqual({ match: 'none' });
    expect(matchInNova('c1.b', partial)).toEqual({ match: 'one', name: 'c1.b' });
  });
});

describe('the name under which a report is journaled', () => {
  it.each([
    ["Nova's name, by the short one", 'c1', ['c1.local'], 'c1.local'],
    ["Nova's name, by the full one", 'C1.local', ['c1'], 'c1'],
    ['the reported one where Nova has two', 'c1', ['c1.a', 'c1.b'], 'c1'],
    ['the reported one where Nova has none', 'c9', ['c1'], 'c9'],
  ])('is %s', (_, reported, names, expected) => {
    expect(journalName(reported, nova(...names))).toBe(expected);
  });

  it('is the reported one while the names of Nova are not known', () => {
    expect(journalName('c1.local', null)).toBe('c1.local');
  });
});

describe('the hosts of the segments', () => {
  it('are compared with those of Nova', () => {
    const found = compareWithNova(segments('n1', 'n2', 'n3', 'n4'), nova('n1', 'n2.local', 'n3.a', 'n3.b'));
    expect(found).toEqual([
      { isUsable: true, message: 'segment rack1 has n2, Nova has n2.local' },
      {
        isUsable: false,
        message: "segment rack1 has n3: host 'n3' may be 'n3.a' or 'n3.b' in Nova; write the name that Nova has",
      },
      { isUsable: false, message: 'segment rack1 has n4, Nova has no nova-compute service of that name' },
    ]);
  });

  it('are named with the nearest name if the list cannot distinguish them', () => {
    const [finding] = compareWithNova(segments('n1'), {
      names: ['n1.local'],
      forcedDown: [],
      silent: [],
      deadServices: [],
      isComplete: false,
    });
    expect(finding).toMatchObject({ isUsable: false, message: expect.stringContaining('n1.local') });
  });
});
