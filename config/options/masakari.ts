/**
 * What else a masakari.conf or a masakarimonitors.conf may hold. It is accepted, so that the file can be used as it is, and
 * a warning says that it does nothing here, and what does.
 */

const LOGGING = '; logs go to standard error, see [engine] log_level';
const NO_BUS = '; there is no message bus';
const NO_API = '; there is no REST service';
const NO_THREADS = '; the engine has a schedule of its own';

const NO_RETRIES = '; a report is kept until an engine has it, see [monitors] outbox';
const NO_CAPTURE = '; that the cluster can be seen is asked of Pacemaker itself, no packets are captured';

/** Options of section DEFAULT, and what to say after "has no effect here". */
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
  ['graceful_shutdown_timeout', NO_THREADS],
  ['run_external_periodic_tasks', NO_THREADS],
  ['backdoor_port', NO_THREADS],
  ['backdoor_socket', NO_THREADS],
  ['log_options', NO_THREADS],
  ['client_socket_timeout', NO_API],
  ['max_header_line', NO_API],
  ['tcp_keepidle', NO_API],
  ['wsgi_default_pool_size', NO_API],
  ['wsgi_keep_alive', NO_API],
  ['wsgi_log_format', NO_API],
  ['wsgi_server_debug', NO_API],
  ['conn_pool_min_size', NO_BUS],
  ['conn_pool_ttl', NO_BUS],
  ['rpc_ping_enabled', NO_BUS],
  ['rpc_zmq_host', NO_BUS],
  ['verbose', LOGGING],
  ['logfile', LOGGING],
  ['logdir', LOGGING],
  ['log_format', LOGGING],
  ['syslog_facility', LOGGING],
  ['use_syslog_rfc_format', LOGGING],
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
]);

/** The same for sections of masakarimonitors.conf. Source: masakari-monitors, masakarimonitors/conf. */
const EFFECTLESS_OF_MONITORS: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map([
  [
    'host',
    new Map([
      ['disable_ipmi_check', '; without a proof of death a host is not recovered, see [host] policy'],
      ['stonith_wait', '; a fencing is waited for by itself'],
      ['tcpdump_timeout', NO_CAPTURE],
      ['corosync_multicast_interfaces', NO_CAPTURE],
      ['corosync_multicast_ports', NO_CAPTURE],
      ['api_retry_max', NO_RETRIES],
      ['api_retry_interval', NO_RETRIES],
    ]),
  ],
  [
    'introspectiveinstancemonitor',
    new Map([['qemu_guest_agent_sock_path', '; agents are asked through libvirt, which has their sockets']]),
  ],
]);

/** Whole sections, and what to say after "has no effect here". */
const EFFECTLESS_SECTIONS: ReadonlyMap<string, string> = new Map([
  ['taskflow', '; recoveries are kept in the journal, see [journal] path'],
  ['database', '; recoveries are kept in the journal, see [journal] path'],
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
  ['api', '; where Masakari is and who may report is said in [transport] and [cloud]'],
  ['callback', NO_RETRIES],
  ['oslo_concurrency', ''],
  ['oslo_reports', ''],
  ['oslo_versionedobjects', ''],
  ['profiler', ''],
]);

/** For an option that is known and ignored: the end of the warning. */
export function effectlessHint(section: string, option: string): string | undefined {
  return section === 'DEFAULT' ? EFFECTLESS_OPTIONS.get(option) : EFFECTLESS_OF_MONITORS.get(section)?.get(option);
}

/** For a section that is known and ignored: the end of the warning. */
export function effectlessSectionHint(section: string): string | undefined {
  return EFFECTLESS_SECTIONS.get(section);
}
