import { describe, expect, it } from 'vitest';
import { CRASH_POLICIES } from '#config/pipelines/pipelines.ts';
import { type CrashFacts, decideContinuation } from './engine-failure-decision.ts';

const facts: CrashFacts = { state: 'RUNNING', policy: 'resume', isLeftInOrder: false, ends: 1, maxResumes: 5 };

describe('a flow that an engine left open', () => {
  it.each(CRASH_POLICIES)('by its death follows the policy: %s', (policy) => {
    expect(decideContinuation({ ...facts, policy })).toBe(policy);
  });

  it.each(CRASH_POLICIES)('in good order is resumed with any policy: %s', (policy) => {
    expect(decideContinuation({ ...facts, policy, isLeftInOrder: true })).toBe('resume');
  });

  it.each(CRASH_POLICIES)('during its rollback continues to roll back with any policy: %s', (policy) => {
    expect(decideContinuation({ ...facts, policy, state: 'REVERTING' })).toBe('resume');
  });

  it.each(CRASH_POLICIES)('too often becomes a dead letter with any policy: %s', (policy) => {
    expect(decideContinuation({ ...facts, policy, ends: 5 })).toBe(policy);
    expect(decideContinuation({ ...facts, policy, ends: 6 })).toBe('dead letter');
    expect(decideContinuation({ ...facts, policy, ends: 1, maxResumes: 0, isLeftInOrder: true })).toBe('dead letter');
  });
});
