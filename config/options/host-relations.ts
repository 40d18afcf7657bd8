/** Relations between the options of the host monitor: an option that another one leaves without effect is reported. */

import type { DocumentSection } from '../document/parsed-document.ts';
import { type Problem, warningAt } from '../document/problem.ts';
import type { EngineOptions } from './options.ts';

export function checkHostMonitor({ hostMonitor }: EngineOptions, section: DocumentSection | undefined): Problem[] {
  const problems: Problem[] = [];
  const warn = (name: string, message: string): void => {
    const option = section?.options.get(name);
    if (option !== undefined && option.value.text !== '')
      problems.push(warningAt(option.at, `"${name}" has no effect ${message}`));
  };
  const { sources, monitoringDriver, policy, computeHosts, hostNameForm } = hostMonitor;
  const queriesPacemaker = sources.length > 0 ? sources.includes('pacemaker') : monitoringDriver === 'default';
  if (sources.length > 0) warn('monitoring_driver', 'beside "sources", which takes precedence');
  if (policy === 'pacemaker-fenced' || (policy === 'auto' && queriesPacemaker)) {
    warn('matrix_config_file', 'with the policy pacemaker-fenced, which "auto" means if Pacemaker is a source');
  }
  if (computeHosts.length > 0) {
    for (const name of ['pacemaker_node_type', 'restrict_to_remotes']) warn(name, 'beside "compute_hosts"');
  }
  if (hostNameForm !== 'full') warn('host_name_domain', 'without "host_name_form = full"');
  return problems;
}
