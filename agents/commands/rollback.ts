/** `recovery-agent rollback UUID`: the flow that is at work takes back what it did. */
import { turning } from '../turning.ts';

export const rollback = turning(
  'rollback',
  'Interrupts a recovery: its flow takes back what it did, and nothing is tried again before "retry"',
  'takes back what it did',
);
