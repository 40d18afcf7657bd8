import { describe, expect, it } from 'vitest';
import { CRASH_POLICIES } from '#config/pipelines.ts';
import { type CrashFacts, decideContinuation } from './after-crash.ts';

const facts: CrashFacts = { state: 'RUNNING', policy: 'resume', isLeftInOrder: false, ends: 1, maxResumes: 5 };

describe('a flow that an engine left open', () => {
  it.each(CRASH_POLICIES)('by its death is treated as the policy says: %s', (policy) => {
    expect(decideContinuation({ ...facts, policy })).toBe(policy);
  });

  it.each(CRASH_POLICIES)('in good order is resumed, whatever the policy: %s', (policy) => {
    expect(decideContinuation({ ...facts, policy, isLeftInOrder: true })).toBe('resume');
  });

  it.each(CRASH_POLICIES)('while it went back goes on going back, whatever the policy: %s', (policy) => {
    expect(decideContinuation({ ...facts, policy, state: 'REVERTING' })).toBe('resume');
  });

  it.each(CRASH_POLICIES)('too often is given up, whatever the policy: %s', (policy) => {
    expect(decideContinuation({ ...facts, policy, ends: 5 })).toBe(policy);
    expect(decideContinuation({ ...facts, policy, ends: 6 })).toBe('give up');
    expect(decideContinuation({ ...facts, policy, ends: 1, maxResumes: 0, isLeftInOrder: true })).toBe('give up');
  });
});
