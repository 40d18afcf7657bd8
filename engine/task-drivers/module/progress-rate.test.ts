import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Pace } from './progress-rate.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function paced(): { readonly sent: string[]; readonly pace: Pace<string> } {
  const sent: string[] = [];
  return {
    sent,
    pace: new Pace<string>(
      (line) => sent.push(line),
      250,
      () => Date.now(),
    ),
  };
}

it('sends the first line at once and of those that follow too soon the latest, when its time has come', () => {
  const { sent, pace } = paced();
  for (const line of ['a', 'b', 'c']) pace.report(line);
  expect(sent).toEqual(['a']);
  vi.advanceTimersByTime(249);
  expect(sent).toEqual(['a']);
  vi.advanceTimersByTime(1);
  expect(sent).toEqual(['a', 'c']);
});

it('holds no line back that comes late enough', () => {
  const { sent, pace } = paced();
  for (const line of ['a', 'b', 'c']) {
    pace.report(line);
    vi.advanceTimersByTime(250);
  }
  expect(sent).toEqual(['a', 'b', 'c']);
});

it('sends four a second of a flood, and the last one when it is flushed', () => {
  const { sent, pace } = paced();
  for (let at = 0; at < 1000; at += 1) {
    pace.report(`line ${at}`);
    vi.advanceTimersByTime(1);
  }
  expect(sent).toEqual(['line 0', 'line 249', 'line 499', 'line 749', 'line 999']);
  pace.report('last');
  pace.flush();
  expect(sent.at(-1)).toBe('last');
  pace.flush();
  vi.advanceTimersByTime(1000);
  expect(sent).toHaveLength(6);
});
