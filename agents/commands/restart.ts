/** `recovery-agent restart UUID`: abandons the running flow and starts it again with the current configuration. */
import { turning } from '../turning.ts';

export const restart = turning(
  'restart',
  "Interrupts a recovery: its flow is abandoned and starts again with the engine's current task lists",
  'is restarted',
);
