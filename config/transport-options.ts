/** Options of the way from monitors to engines, section transport. */

import { seconds } from './kinds.ts';

export const transport = {
  retryIntervalMs: seconds(
    'retry_interval',
    10,
    [0.1, 3600],
    'Longest wait before an engine that was not reached is tried again.',
  ),
};
