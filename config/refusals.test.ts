/** Single files and their problems. */

import { expect, test } from 'vitest';
import { ConfigurationError, formatProblem } from './document/problem.ts';
import { loadConfiguration } from './load.ts';

const FLOWS = '[taskflow_driver_recovery_flows]\n';

function problemsOf(text: string): string[] {
  const content = { bytes: new TextEncoder().encode(text), mode: 0o640 };
  try {
    const loaded = loadConfiguration({ mainFile: 'f', readFile: (path) => (path === 'f' ? content : undefined) });
    return loaded.warnings.map(formatProblem);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems.map(formatProblem);
  }
}

test.each([
  ['[DEFAULT]\nverify_intervall = 1', '2:1: unknown option "verify_intervall"; did you mean "verify_interval"?'],
  [
    '[DEFAULT]\nverify_interval = soon',
    '2:19: "verify_interval" takes a number of seconds from 0.01 to 300, not "soon"',
  ],
  ['[DEFAULT]\nverify_interval =', '2:18: "verify_interval" takes a number of seconds from 0.01 to 300, not ""'],
  ['[DEFAULT]\nverify_interval = -1', '2:19: "verify_interval" takes a number of seconds from 0.01 to 300, not "-1"'],
  ['[DEFAULT]\nverify_interval = 0', '2:19: "verify_interval" must be between 0.01 and 300 seconds, not 0'],
  ['[DEFAULT]\nverify_interval = 1e3', '2:19: "verify_interval" takes a number of seconds from 0.01 to 300, not "1e3"'],
  [
    '[DEFAULT]\nverify_interval = 1\n  2',
    '2:19: "verify_interval" takes a number of seconds from 0.01 to 300, not "1 2"',
  ],
  [
    '[DEFAULT]\nhost_failure_recovery_threads = 0',
    '2:33: "host_failure_recovery_threads" must be between 1 and 1000, not 0',
  ],
  [
    '[DEFAULT]\nhost_failure_recovery_threads = 2.5',
    '2:33: "host_failure_recovery_threads" takes a whole number from 1 to 1000, not "2.5"',
  ],
  ['[default]\nverify_interval = 1', '1:1: unknown section [default]; did you mean [DEFAULT]?'],
  ['[host_failur]', '1:1: unknown section [host_failur]; did you mean [host_failure]?'],
  [
    '[failover_segments a]\nhosts = x',
    '1:1: unknown section [failover_segments a]; did you mean [failover_segment a]?',
  ],
  [
    '[evacuate_instance_task]\ntimeout = 5',
    '1:1: unknown section [evacuate_instance_task]; did you mean [evacuate_instances_task]?',
  ],
  ['[something]', '1:1: unknown section [something]; it is neither known nor a task of any list'],
  [
    '[DEFAULT]\nevacuate_all_instances = true',
    '2:1: "evacuate_all_instances" does not belong to section [DEFAULT] but to [host_failure]',
  ],
  ['[host_failure]\nevacuate_all_instances = maybe', '2:26: "evacuate_all_instances" takes true or false, not "maybe"'],
  ['[journal]\npath = journal.db', '2:8: "path" takes an absolute path, not "journal.db"'],
  [
    '[journal]\nallow_storage = nfs3,\n  tape',
    '3:3: "allow_storage" takes any of nfs3, nolock, cifs, fuse, ocfs2-o2cb, overlay, network-unknown, not "tape"',
  ],
  ['[engine]\nlog_level = loud', '2:13: "log_level" takes one of debug, info, warning, error, not "loud"'],
  [
    '[engine]\nlease_timeout = 10',
    '2:17: "lease_timeout" (10) must be longer than "beat_interval" (10), better three times as long',
  ],
  [
    '[engine]\nbeat_interval = 40',
    '2:17: "lease_timeout" (30) must be longer than "beat_interval" (40), better three times as long',
  ],
  [
    '[DEFAULT]\nnova_catalog_admin_info = nova',
    '2:27: "nova_catalog_admin_info" takes TYPE:NAME:INTERFACE, not "nova"',
  ],
  ['[evacuate_instances_task]\ntimout = 5', '2:1: unknown option "timout"; did you mean "timeout"?'],
  [
    '[evacuate_instances_task]\non_failure = ignore',
    '2:14: "on_failure" takes one of abort, continue, rollback, not "ignore"',
  ],
  [
    `${FLOWS}process_failure_recovery_tasks = main:[engine]`,
    '2:40: no task can be called "engine": a section has that name',
  ],
  [
    '[DEFAULT]\nos_privileged_user_password = a\nos_privileged_user_passwrd = geheim',
    '3:1: unknown option "os_privileged_user_passwrd"; did you mean "os_privileged_user_password"?',
  ],
  [
    '[engine]\n[DEFAULT]\nos_privileged_user_password = ge#heim',
    '3:33: "#" begins a comment and would cut "os_privileged_user_password" short; write \\#, or a blank before it if it is a comment',
  ],
])('%j is refused', (text, expected) => {
  expect(problemsOf(text)).toEqual([`f:${expected}`]);
});

test.each([
  ['[DEFAULT]\nmasakari_topic = x', '2:1: warning: "masakari_topic" has no effect here; there is no message bus'],
  [
    '[DEFAULT]\ntransport_url = rabbit://u:p@h',
    '2:1: warning: "transport_url" has no effect here; there is no message bus',
  ],
  [
    '[DEFAULT]\ndebug = true',
    '2:1: warning: "debug" has no effect here; logs go to standard error, see [engine] log_level',
  ],
  [
    '[taskflow]\nconnection = mysql://u:p@h',
    '1:1: warning: section [taskflow] has no effect here; recoveries are kept in the journal, see [journal] path',
  ],
  [
    '[coordination]\nbackend_url = etcd3://h',
    '1:1: warning: section [coordination] has no effect here; the journal has one owner at a time, see [engine] lease_timeout',
  ],
  [
    '[host]\ndisable_ipmi_check = true',
    '2:1: warning: "disable_ipmi_check" has no effect here; without a proof of death a host is not recovered, see [host] policy',
  ],
  ['[host]\nstonith_wait = 30', '2:1: warning: "stonith_wait" has no effect here; the monitor waits for each fencing'],
  [
    '[host]\ncorosync_multicast_ports = 5405',
    '2:1: warning: "corosync_multicast_ports" has no effect here; the monitor reads the state of the cluster from Pacemaker and captures no packets',
  ],
  [
    '[host]\napi_retry_max = 12',
    '2:1: warning: "api_retry_max" has no effect here; a report is kept until an engine has it, see [monitors] outbox',
  ],
  [
    '[introspectiveinstancemonitor]\nqemu_guest_agent_sock_path = x',
    '2:1: warning: "qemu_guest_agent_sock_path" has no effect here; agents are reached through libvirt, which has their sockets',
  ],
  ['[DEFAULT]\nhostname = c1', '2:1: warning: "hostname" has no effect here; see [monitors] host_name'],
  [
    '[callback]\nretry_max = 12',
    '1:1: warning: section [callback] has no effect here; a report is kept until an engine has it, see [monitors] outbox',
  ],
  [
    '[database]\nconnection = mysql://u:p#w@h',
    '1:1: warning: section [database] has no effect here; recoveries are kept in the journal, see [journal] path',
  ],
  [
    '[DEFAULT]\ntransport_url = rabbit://u:p;w@h',
    '2:1: warning: "transport_url" has no effect here; there is no message bus',
  ],
])('%j of a masakari.conf or masakarimonitors.conf is taken, with a warning', (text, expected) => {
  expect(problemsOf(text)).toEqual([`f:${expected}`]);
});

test.each([
  [
    'matrix_config_file = /m.yaml',
    '2:1: warning: "matrix_config_file" has no effect with the policy pacemaker-fenced, which "auto" means if Pacemaker is a source',
  ],
  [
    'sources = ping\nmonitoring_driver = consul',
    '3:1: warning: "monitoring_driver" has no effect beside "sources", which takes precedence',
  ],
  [
    'compute_hosts = c1\nrestrict_to_remotes = true',
    '3:1: warning: "restrict_to_remotes" has no effect beside "compute_hosts"',
  ],
  ['host_name_domain = example.org', '2:1: warning: "host_name_domain" has no effect without "host_name_form = full"'],
])('%j of section host is taken, with a warning', (text, expected) => {
  expect(problemsOf(`[host]\n${text}`)).toEqual([`f:${expected}`]);
});

test.each([
  'sources = ping\nmatrix_config_file = /m.yaml',
  'policy = matrix\nmatrix_config_file = /m.yaml',
  'monitoring_driver = consul\nmatrix_config_file = /m.yaml',
  'host_name_form = full\nhost_name_domain = example.org',
])('%j of section host is right', (text) => {
  expect(problemsOf(`[host]\n${text}`)).toEqual([]);
});
