/** `recovery-agent rollback UUID`: rolls back the running flow. */
import { turning } from '../turning.ts';

export const rollback = turning(
  'rollback',
  'Interrupts a recovery: its flow is rolled back, and nothing is retried before "retry"',
  'is rolled back',
);
