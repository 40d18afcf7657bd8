/** Options of the process monitor: section process, with the names of masakari-monitors. */

import { seconds } from './kinds.ts';

export const processMonitor = {
  checkIntervalMs: seconds(
    'check_interval',
    5,
    [0.1, 3600],
    'How often the processes are looked for; a death that the kernel tells is not waited for.',
  ),
};
