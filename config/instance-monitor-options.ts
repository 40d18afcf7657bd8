/** Options of the instance monitor: section libvirt, with the names of masakari-monitors. */

import { NAME, text } from './kinds.ts';

export const instanceMonitor = {
  connectionUri: text('connection_uri', 'qemu:///system', NAME, 'The libvirt driver whose domains are watched.'),
};
