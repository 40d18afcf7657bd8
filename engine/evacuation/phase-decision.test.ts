import { describe, expect, it } from 'vitest';
import type { StepState } from '../journal/rows.ts';
import type { Move } from './instance-progress.ts';
import { isHeld, openPhases, type PhaseScope } from './phase-decision.ts';

interface Scene {
  readonly phase: number | undefined;
  readonly project?: string;
  readonly state?: StepState;
  readonly wanted?: Move['wanted'];
  readonly result?: Move['result'];
}

function moveOf({ phase, project = 'p', state = 'planned', wanted = 'running', result = null }: Scene): Move {
  const snapshot = {
    uuid: 'i',
    name: 'i',
    host: 'c1',
    vmState: 'active',
    taskState: null,
    powerState: 1,
    locked: false,
    haEnabled: false,
    projectId: project,
    userId: 'u',
    ...(phase === undefined ? {} : { phase }),
  };
  const step = { key: 'evacuate:i', kind: 'evacuate', object: 'i', state, detail: {}, error: null };
  return { snapshot, wanted, steps: [step as unknown as Move['steps'][number]], result };
}

const FAILED = { ok: false, reason: 'no valid host' };
const MOVED = { ok: true, reason: null };

describe('an instance of the second phase', () => {
  it.each<[string, PhaseScope, Scene, boolean]>([
    ['waits for a running one that is not requested', 'all', { phase: 1 }, true],
    ['waits for a running one that has arrived and is not active', 'all', { phase: 1, state: 'done' }, true],
    ['does not wait for one that is active', 'all', { phase: 1, state: 'done', result: MOVED }, false],
    ['does not wait for one that failed finally', 'all', { phase: 1, state: 'failed', result: FAILED }, false],
    ['waits for the arrival of a stopped one', 'all', { phase: 1, wanted: 'stopped', state: 'sent' }, true],
    ['does not wait until one that arrived is stopped', 'all', { phase: 1, wanted: 'stopped', state: 'done' }, false],
    ['does not wait for one that is deleted', 'all', { phase: 1, wanted: 'stopped', state: 'skipped' }, false],
    ['does not wait for its own phase', 'all', { phase: 2 }, false],
    ['does not wait for another project', 'project', { phase: 1, project: 'q' }, false],
    ['waits for another project if phases are of the host', 'all', { phase: 1, project: 'q' }, true],
    ['waits for its own project', 'project', { phase: 1 }, true],
    ['does not wait without phases', 'none', { phase: 1 }, false],
    ['waits for one of a plan without phases', 'all', { phase: undefined }, true],
  ])('%s (%s)', (_, scope, first, held) => {
    const second = moveOf({ phase: 2 });
    expect(isHeld(second, scope, openPhases([moveOf(first), second], scope))).toBe(held);
  });
});
