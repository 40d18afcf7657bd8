import { describe, expect, it } from 'vitest';
import type { RecoveryMethod } from '#config/options/segments.ts';
import { type FlowChoice, nextFlow } from './recovery-method-decision.ts';

/** Every flow that a method runs when all of them fail. */
function sequence(method: RecoveryMethod, reserved: string[]): string[] {
  const tried: FlowChoice[] = [];
  for (;;) {
    const next = nextFlow('COMPUTE_HOST', method, tried, reserved);
    if (next.do !== 'run') return [...tried.map(({ reservedHost }) => reservedHost ?? 'auto'), next.reason ?? 'end'];
    tried.push(next.choice);
  }
}

describe('the flows of a recovery method', () => {
  it.each([
    ['auto', ['r1'], ['auto', 'end']],
    ['reserved_host', ['r1', 'r2'], ['r1', 'r2', 'end']],
    ['reserved_host', [], ['No reserved_hosts available for evacuation.']],
    ['auto_priority', ['r1', 'r2'], ['auto', 'r1', 'r2', 'end']],
    ['rh_priority', ['r1', 'r2'], ['r1', 'r2', 'auto', 'end']],
    ['rh_priority', [], ['auto', 'end']],
  ] as const)('%s with reserved hosts %j are %j', (method, reserved, expected) => {
    expect(sequence(method, [...reserved])).toEqual(expected);
  });

  it('of an instance, a process or a return is one', () => {
    expect(nextFlow('VM', 'reserved_host', [], [])).toMatchObject({ choice: { flow: 'instance' } });
    expect(nextFlow('PROCESS', 'auto', [], [])).toMatchObject({ choice: { flow: 'process' } });
    expect(nextFlow('HOST_RETURN', 'rh_priority', [], ['r1'])).toEqual({
      do: 'run',
      choice: { flow: 'host_return', reservedHost: null },
    });
    const back: FlowChoice[] = [{ flow: 'host_return', reservedHost: null }];
    expect(nextFlow('HOST_RETURN', 'rh_priority', back, ['r1'])).toEqual({ do: 'fail', reason: null });
    const tried: FlowChoice[] = [{ flow: 'instance', reservedHost: null }];
    expect(nextFlow('VM', 'auto_priority', tried, ['r1'])).toEqual({ do: 'fail', reason: null });
  });
});
