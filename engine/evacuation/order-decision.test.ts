import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inRotation } from './order-decision.ts';

const named = (names: string) => names.split(' ').map((name) => ({ name, projectId: name[0] ?? '' }));
const order = (names: string) =>
  inRotation(named(names))
    .map(({ name }) => name)
    .join(' ');

describe('the instances of a host', () => {
  it.each([
    ['a1 a2 a3 b1 c1 c2', 'a1 b1 c1 a2 c2 a3'],
    ['b1 a1 a2', 'b1 a1 a2'],
    ['a1 a2 a3', 'a1 a2 a3'],
  ])('%s are moved as %s', (listed, moved) => {
    expect(order(listed)).toBe(moved);
  });

  it('are all moved, those of a project in their order, and none waits for more than one of each other project per own one', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ projectId: fc.constantFrom('a', 'b', 'c') })), (instances) => {
        const numbered = instances.map((one, index) => ({ ...one, index }));
        const moved = inRotation(numbered);
        expect(moved.map(({ index }) => index).sort((a, b) => a - b)).toEqual(numbered.map(({ index }) => index));
        for (const project of ['a', 'b', 'c']) {
          const own = moved.filter(({ projectId }) => projectId === project).map(({ index }) => index);
          expect(own).toEqual([...own].sort((a, b) => a - b));
          for (const [turn, index] of own.entries()) {
            expect(moved.findIndex((one) => one.index === index)).toBeLessThan(3 * (turn + 1));
          }
        }
      }),
    );
  });
});
