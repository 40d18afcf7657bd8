/** Options of the guest monitor: section introspectiveinstancemonitor, with the names of masakari-monitors. */

import { seconds } from './kinds.ts';

export const guestMonitor = {
  guestMonitoringIntervalMs: seconds('guest_monitoring_interval', 10, [0.5, 3600], 'How often each guest is asked.'),
};
