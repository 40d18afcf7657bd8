/** `recovery-agent restart UUID`: the flow that is at work is abandoned and begun anew, as the configuration now says. */
import { turning } from '../turning.ts';

export const restart = turning(
  'restart',
  'Interrupts a recovery: its flow is abandoned and begun anew, with the task lists as the engine has them now',
  'is begun anew',
);
