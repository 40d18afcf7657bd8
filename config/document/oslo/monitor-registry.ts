/**
 * The options of the monitors that a `$` in masakarimonitors.conf can refer to. Options with old names, several values or
 * defaults that changed between releases are left out.
 */

import { type Registry, section } from './registry.ts';

export const MONITOR_OPTIONS: Registry = new Map([
  [
    'DEFAULT',
    section(
      ['flag', 'debug monkey_patch publish_errors use_journal use_json use_stderr', 'False'],
      ['flag', 'use_syslog watch_log_file', 'False'],
      ['text', 'hostmonitor_manager', 'masakarimonitors.hostmonitor.host.HostmonitorManager'],
      ['text', 'instance_format instance_uuid_format', '[instance: %(uuid)s] '],
      ['text', 'instancemonitor_manager', 'masakarimonitors.instancemonitor.instance.InstancemonitorManager'],
      [
        'text',
        'introspectiveinstancemonitor_manager',
        'masakarimonitors.introspectiveinstancemonitor.instance.IntrospectiveInstanceMonitorManager',
      ],
      ['text', 'log_date_format', '%Y-%m-%d %H:%M:%S'],
      ['whole', 'log_rotate_interval', '1'],
      ['text', 'log_rotate_interval_type', 'days'],
      ['text', 'log_rotation_type', 'none'],
      [
        'text',
        'logging_context_format_string',
        '%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s [%(global_request_id)s %(request_id)s %(user_identity)s] %(instance)s%(message)s',
      ],
      ['text', 'logging_debug_format_suffix', '%(funcName)s %(pathname)s:%(lineno)d'],
      [
        'text',
        'logging_default_format_string',
        '%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s [-] %(instance)s%(message)s',
      ],
      ['text', 'logging_exception_prefix', '%(asctime)s.%(msecs)03d %(process)d ERROR %(name)s %(instance)s'],
      [
        'text',
        'logging_user_identity_format',
        '%(user)s %(project)s %(domain)s %(system_scope)s %(user_domain)s %(project_domain)s',
      ],
      ['whole', 'max_logfile_count', '30'],
      ['whole', 'max_logfile_size_mb', '200'],
      ['text', 'processmonitor_manager', 'masakarimonitors.processmonitor.process.ProcessmonitorManager'],
      ['whole', 'rate_limit_burst rate_limit_interval', '0'],
      ['text', 'rate_limit_except_level', 'CRITICAL'],
      ['text', 'syslog_log_facility', 'LOG_USER'],
      ['text', 'tempdir'],
    ),
  ],
  [
    'api',
    section(
      ['text', 'api_interface', 'public'],
      ['text', 'api_version', 'v1'],
      ['text', 'auth_section cafile certfile keyfile'],
      ['flag', 'collect_timing insecure split_loggers', 'False'],
      ['text', 'region', 'RegionOne'],
      ['whole', 'timeout'],
    ),
  ],
  ['callback', section(['whole', 'retry_interval', '10'], ['whole', 'retry_max', '12'])],
  ['consul', section(['text', 'agent_manage agent_storage agent_tenant matrix_config_file'])],
  [
    'host',
    section(
      ['whole', 'api_retry_interval ipmi_retry_interval', '10'],
      ['whole', 'api_retry_max', '12'],
      ['text', 'corosync_multicast_interfaces corosync_multicast_ports'],
      ['flag', 'disable_ipmi_check restrict_to_remotes', 'False'],
      ['whole', 'ipmi_retry_max', '3'],
      ['whole', 'ipmi_timeout tcpdump_timeout', '5'],
      ['text', 'monitoring_driver', 'default'],
      ['whole', 'monitoring_interval', '60'],
      ['whole', 'monitoring_samples', '1'],
      ['text', 'pacemaker_node_type', 'autodetect'],
      ['whole', 'stonith_wait', '30'],
    ),
  ],
  [
    'introspectiveinstancemonitor',
    section(
      ['whole', 'guest_monitoring_failure_threshold', '3'],
      ['whole', 'guest_monitoring_interval', '10'],
      ['whole', 'guest_monitoring_timeout', '2'],
      [
        'text',
        'qemu_guest_agent_sock_path',
        '/var/lib/libvirt/qemu/org\\.qemu\\.guest_agent\\..*\\.instance-.*\\.sock',
      ],
    ),
  ],
  ['libvirt', section(['text', 'connection_uri', 'qemu:///system'])],
  [
    'masakarimonitors_privileged',
    section(
      ['text', 'group helper_command user'],
      ['text', 'logger_name', 'oslo_privsep.daemon'],
      ['whole', 'thread_pool_size', '2'],
    ),
  ],
  [
    'process',
    section(
      ['whole', 'api_retry_interval', '10'],
      ['whole', 'api_retry_max', '12'],
      ['whole', 'check_interval restart_interval', '5'],
      ['text', 'process_list_path', '/etc/masakarimonitors/process_list.yaml'],
      ['whole', 'restart_retries', '3'],
    ),
  ],
]);
