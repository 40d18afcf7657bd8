import { expect, test } from 'vitest';
import { couldNotSee, judgeSight, sawAll, startSightedness } from './sightedness.ts';

test('a monitor that saw within its time is not blind', () => {
  expect(judgeSight(startSightedness(0), 1000, 1000)).toEqual([{ is: 'seeing', lastSeen: 0, reason: null }, 'none']);
});

test('one that has not seen for longer is blind, for the reason that it gave last', () => {
  const trying = couldNotSee(couldNotSee(startSightedness(0), 'first'), 'libvirtd does not answer');
  const blind = { is: 'blind', lastSeen: 0, reason: 'libvirtd does not answer' } as const;
  expect(judgeSight(trying, 1001, 1000)).toEqual([blind, 'became blind']);
  expect(judgeSight(blind, 9000, 1000)).toEqual([blind, 'none']);
});

test('one that says nothing at all is blind too', () => {
  const [sight] = judgeSight(startSightedness(5), 2000, 1000);
  expect(sight).toEqual({ is: 'blind', lastSeen: 5, reason: 'it has not said why' });
});

test('that a blind one sees again is told once', () => {
  const [blind] = judgeSight(startSightedness(0), 2000, 1000);
  const [seeing, change] = sawAll(blind, 2500);
  expect(change).toBe('sees again');
  expect(sawAll(seeing, 2600)).toEqual([{ is: 'seeing', lastSeen: 2600, reason: null }, 'none']);
  expect(judgeSight(seeing, 3000, 1000)[1]).toBe('none');
});

test('a reason without blindness is forgotten when it saw', () => {
  expect(sawAll(couldNotSee(startSightedness(0), 'slow'), 10)[0].reason).toBeNull();
});
