/** What holds between the options of the host monitor: one that another leaves without effect is named. */

import type { DocumentSection } from './document.ts';
import type { EngineOptions } from './options.ts';
import { type Problem, warningAt } from './problem.ts';

export function checkHostMonitor({ hostMonitor }: EngineOptions, section: DocumentSection | undefined): Problem[] {
  const problems: Problem[] = [];
  const warn = (name: string, message: string): void => {
    const option = section?.options.get(name);
    if (option !== undefined && option.value.text !== '')
      problems.push(warningAt(option.at, `"${name}" has no effect ${message}`));
  };
  const { sources, monitoringDriver, policy, computeHosts, hostNameForm } = hostMonitor;
  const asksPacemaker = sources.length > 0 ? sources.includes('pacemaker') : monitoringDriver === 'default';
  if (sources.length > 0) warn('monitoring_driver', 'beside "sources", which says where hosts are watched');
  if (policy === 'pacemaker-fenced' || (policy === 'auto' && asksPacemaker)) {
    warn('matrix_config_file', 'with the policy pacemaker-fenced, which is that of "auto" where Pacemaker is asked');
  }
  if (computeHosts.length > 0) {
    for (const name of ['pacemaker_node_type', 'restrict_to_remotes']) warn(name, 'beside "compute_hosts"');
  }
  if (hostNameForm !== 'full') warn('host_name_domain', 'without "host_name_form = full"');
  return problems;
}
