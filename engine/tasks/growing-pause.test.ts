import { expect, it } from 'vitest';
import { growingPause } from './growing-pause.ts';

it('the pause before a repetition doubles up to its bound', () => {
  expect([0, 1, 2, 3, 4, 5, 9].map((before) => growingPause(before, 1000))).toEqual([
    1000, 2000, 4000, 8000, 16_000, 30_000, 30_000,
  ]);
});

it('a first pause above the bound stays as it is', () => {
  expect([0, 1, 99].map((before) => growingPause(before, 40_000))).toEqual([40_000, 40_000, 40_000]);
});
