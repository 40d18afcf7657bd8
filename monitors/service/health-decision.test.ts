import { expect, test } from 'vitest';
import { couldNotSee, decideReading, sawAll, startHealth } from './health-decision.ts';

test('a monitor with a recent successful poll is not blind', () => {
  expect(decideReading(startHealth(0), 1000, 1000)).toEqual([{ is: 'seeing', lastSeen: 0, reason: null }, 'none']);
});

test('without a successful poll for longer it is blind, with its last reason', () => {
  const trying = couldNotSee(couldNotSee(startHealth(0), 'first'), 'libvirtd does not respond');
  const blind = { is: 'blind', lastSeen: 0, reason: 'libvirtd does not respond' } as const;
  expect(decideReading(trying, 1001, 1000)).toEqual([blind, 'became blind']);
  expect(decideReading(blind, 9000, 1000)).toEqual([blind, 'none']);
});

test('a monitor that reports nothing at all is blind too', () => {
  const [observation] = decideReading(startHealth(5), 2000, 1000);
  expect(observation).toEqual({ is: 'blind', lastSeen: 5, reason: 'neither a poll nor a reason was reported' });
});

test('the recovery of a blind monitor is reported once', () => {
  const [blind] = decideReading(startHealth(0), 2000, 1000);
  const [seeing, change] = sawAll(blind, 2500);
  expect(change).toBe('recovered');
  expect(sawAll(seeing, 2600)).toEqual([{ is: 'seeing', lastSeen: 2600, reason: null }, 'none']);
  expect(decideReading(seeing, 3000, 1000)[1]).toBe('none');
});

test('a successful poll clears the reason of an earlier failure', () => {
  expect(sawAll(couldNotSee(startHealth(0), 'slow'), 10)[0].reason).toBeNull();
});
