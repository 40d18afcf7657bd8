/** `recovery-agent cancel UUID`: ends a recovery without doing the rest of it. */
import { turning } from '../turning.ts';

export const cancel = turning(
  'cancel',
  'Ends a recovery: nothing more is requested for it; what Nova has accepted is completed by Nova',
  'is cancelled',
);
