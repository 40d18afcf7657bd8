/**
 * Other options of masakari.conf and masakarimonitors.conf. They are accepted, so that the file can be used as it is. A
 * warning reports that they have no effect here, and names the replacement.
 *
 * Sources: oslo-config-generator and the registered options of Masakari 14 (Debian 12) and 19 (Debian 13), old names included.
 */

const LOGGING = '; logs go to standard error, see [engine] log_level';
const NO_BUS = '; there is no message bus';
const NO_API = '; there is no REST service';
const NO_THREADS = '; the engine has a schedule of its own';

const NO_DATABASE = '; recoveries are kept in the journal, see [journal] path';
const NO_SERVICE = '; systemd or Pacemaker starts and stops the engine';
const NO_SOURCE = '; other sources of oslo.config are not read';
const OTHER_LOGIN = '; see nova_ca_certificates_file and nova_api_insecure, which Masakari uses for Nova';

const NO_RETRIES = '; a report is kept until an engine has it, see [monitors] outbox';
const NO_CAPTURE = '; the monitor reads the state of the cluster from Pacemaker and captures no packets';

/** Options of section DEFAULT, and the text after "has no effect here". */
const EFFECTLESS_OPTIONS: ReadonlyMap<string, string> = new Map([
  ['host', '; see [engine] node'],
  ['masakari_topic', NO_BUS],
  ['transport_url', NO_BUS],
  ['control_exchange', NO_BUS],
  ['rpc_response_timeout', NO_BUS],
  ['rpc_conn_pool_size', NO_BUS],
  ['executor_thread_pool_size', NO_BUS],
  ['notification_driver', '; there is one, with the task lists of Taskflow'],
  ['notification_delay_max', '; duplicates are recognised without it'],
  ['report_interval', '; see [engine] beat_interval'],
  ['service_down_time', '; see [engine] lease_timeout'],
  ['periodic_enable', NO_THREADS],
  ['periodic_interval_max', NO_THREADS],
  ['periodic_fuzzy_delay', NO_THREADS],
  ['masakari_api_listen', NO_API],
  ['masakari_api_listen_port', NO_API],
  ['masakari_api_workers', NO_API],
  ['enabled_apis', NO_API],
  ['use_ssl', NO_API],
  ['osapi_max_limit', NO_API],
  ['osapi_masakari_link_prefix', NO_API],
  ['auth_strategy', NO_API],
  ['api_paste_config', NO_API],
  ['os_system_scope', '; the scope is that of the credentials'],
  ['debug', LOGGING],
  ['log_file', LOGGING],
  ['log_dir', LOGGING],
  ['log_config_append', LOGGING],
  ['log_date_format', LOGGING],
  ['log_rotate_interval', LOGGING],
  ['log_rotate_interval_type', LOGGING],
  ['log_rotation_type', LOGGING],
  ['max_logfile_count', LOGGING],
  ['max_logfile_size_mb', LOGGING],
  ['logging_context_format_string', LOGGING],
  ['logging_default_format_string', LOGGING],
  ['logging_debug_format_suffix', LOGGING],
  ['logging_exception_prefix', LOGGING],
  ['logging_user_identity_format', LOGGING],
  ['default_log_levels', LOGGING],
  ['use_syslog', LOGGING],
  ['syslog_log_facility', LOGGING],
  ['use_journal', LOGGING],
  ['use_json', LOGGING],
  ['use_stderr', LOGGING],
  ['use_eventlog', LOGGING],
  ['watch_log_file', LOGGING],
  ['instance_format', LOGGING],
  ['instance_uuid_format', LOGGING],
  ['publish_errors', LOGGING],
  ['fatal_deprecations', LOGGING],
  ['rate_limit_interval', LOGGING],
  ['rate_limit_burst', LOGGING],
  ['rate_limit_except_level', LOGGING],
  ['fatal_exception_format_errors', ''],
  ['state_path', '; see [journal] path'],
  ['tempdir', ''],
  ['hostname', '; see [monitors] host_name'],
  ['hostmonitor_manager', '; see [monitors] run'],
  ['processmonitor_manager', '; see [monitors] run'],
  ['instancemonitor_manager', '; see [monitors] run'],
  ['introspectiveinstancemonitor_manager', '; see [monitors] run'],
  ['monkey_patch', ''],
  ['monkey_patch_modules', ''],
  ['shell_completion', ''],
  ['pybasedir', ''],
  ['bindir', ''],
  ['engine_manager', ''],
  ['disable_process_locking', ''],
  ['lock_path', ''],
  ['config_source', NO_SOURCE],
  ['config_file', NO_SOURCE],
  ['config_dir', NO_SOURCE],
  ...withHint(
    NO_API,
    'use_forwarded_for osapi_max_request_body_size max_request_body_size wsgi_log_format wsgi_keep_alive',
  ),
  ...withHint(NO_API, 'wsgi_default_pool_size wsgi_server_debug secure_proxy_ssl_header tcp_keepidle max_header_line'),
  ...withHint(NO_API, 'client_socket_timeout ssl_ca_file ssl_cert_file ssl_key_file'),
  ...withHint(NO_API, 'policy_file policy_dirs policy_default_rule'),
  ...withHint(LOGGING, 'log_color log_config logfile logdir log_format use_syslog_rfc_format syslog_facility verbose'),
  ...withHint(
    NO_BUS,
    'conn_pool_min_size conn_pool_ttl rpc_ping_enabled rpc_zmq_host rpc_thread_pool_size rpc_backend',
  ),
  ...withHint(NO_BUS, 'notification_transport_url notification_topics amqp_auto_delete amqp_durable_queues'),
  ...withHint(NO_BUS, 'kombu_reconnect_delay rabbit_login_method rabbit_retry_backoff rabbit_ha_queues'),
  ...withHint(NO_DATABASE, 'db_backend sql_connection sql_max_retries sql_retry_interval sql_max_overflow'),
  ...withHint(NO_DATABASE, 'sql_connection_debug sql_connection_trace sqlite_synchronous dbapi_use_tpool'),
  ...withHint(
    NO_SERVICE,
    'graceful_shutdown_timeout backdoor_port backdoor_socket log_options run_external_periodic_tasks',
  ),
  ...withHint(OTHER_LOGIN, 'cafile certfile keyfile insecure timeout collect_timing split_loggers'),
]);

function withHint(hint: string, names: string): [string, string][] {
  return names.split(' ').map((name) => [name, hint]);
}

/** The same for sections of masakarimonitors.conf. Source: masakari-monitors, masakarimonitors/conf. */
const EFFECTLESS_OF_MONITORS: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map([
  [
    'host',
    new Map([
      ['disable_ipmi_check', '; without a proof of death a host is not recovered, see [host] policy'],
      ['stonith_wait', '; the monitor waits for each fencing'],
      ['tcpdump_timeout', NO_CAPTURE],
      ['corosync_multicast_interfaces', NO_CAPTURE],
      ['corosync_multicast_ports', NO_CAPTURE],
      ['api_retry_max', NO_RETRIES],
      ['api_retry_interval', NO_RETRIES],
    ]),
  ],
  [
    'introspectiveinstancemonitor',
    new Map([['qemu_guest_agent_sock_path', '; agents are reached through libvirt, which has their sockets']]),
  ],
]);

/** Whole sections, and the text after "has no effect here". */
const EFFECTLESS_SECTIONS: ReadonlyMap<string, string> = new Map([
  ['taskflow', NO_DATABASE],
  ['database', NO_DATABASE],
  ['sql', NO_DATABASE],
  ['coordination', '; the journal has one owner at a time, see [engine] lease_timeout'],
  ['keystone_authtoken', NO_API],
  ['osapi_v1', NO_API],
  ['wsgi', NO_API],
  ['ssl', NO_API],
  ['cors', NO_API],
  ['healthcheck', NO_API],
  ['oslo_middleware', NO_API],
  ['oslo_policy', NO_API],
  ['oslo_messaging_amqp', NO_BUS],
  ['oslo_messaging_kafka', NO_BUS],
  ['oslo_messaging_notifications', NO_BUS],
  ['oslo_messaging_rabbit', NO_BUS],
  ['api', '; see [transport] and [cloud] for the address of Masakari and the credentials'],
  ['callback', NO_RETRIES],
  ['oslo_concurrency', ''],
  ['oslo_reports', ''],
  ['oslo_versionedobjects', ''],
  ['profiler', ''],
  ...withHint(NO_API, 'service_user keystone cache audit_middleware_notifications oslo_limit'),
  ...withHint(NO_BUS, 'oslo_messaging_metrics amqp1 rpc_notifier2'),
  ...withHint('', 'profiler_jaeger profiler_otlp privsep masakarimonitors_privileged'),
  ...withHint(NO_SOURCE, 'sample_castellan_source sample_remote_file_source'),
]);

/** The sections of Masakari and of its monitors that have an effect here. */
export const MASAKARI_SECTIONS: ReadonlySet<string> = new Set([
  'DEFAULT',
  'host_failure',
  'instance_failure',
  'process_failure',
  'taskflow_driver_recovery_flows',
  'host',
  'process',
  'libvirt',
  'introspectiveinstancemonitor',
  'consul',
]);

/** For an option that is known and ignored: the end of the warning. */
export function effectlessHint(section: string, option: string): string | undefined {
  return section === 'DEFAULT' ? EFFECTLESS_OPTIONS.get(option) : EFFECTLESS_OF_MONITORS.get(section)?.get(option);
}

/** For a section that is known and ignored: the end of the warning. */
export function effectlessSectionHint(section: string): string | undefined {
  return EFFECTLESS_SECTIONS.get(section);
}
