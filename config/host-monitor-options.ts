/** Options of the host monitor: sections host and consul, with the names of masakari-monitors where it has them. */

import { seconds } from './kinds.ts';

export const hostMonitor = {
  monitoringIntervalMs: seconds(
    'monitoring_interval',
    60,
    [0.1, 3600],
    'How often all sources are looked at anew; what they tell by themselves is not waited for.',
  ),
};
