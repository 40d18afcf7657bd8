/**
 * What else a masakari.conf may hold. It is accepted, so that the file can be used as it is, and a warning says that it
 * does nothing here, and what does.
 */

const LOGGING = '; logs go to standard error, see [engine] log_level';
const NO_BUS = '; there is no message bus';
const NO_API = '; there is no REST service';
const NO_THREADS = '; the engine has a schedule of its own';

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
  ['debug', LOGGING],
  ['log_file', LOGGING],
  ['log_dir', LOGGING],
  ['log_config_append', LOGGING],
  ['log_date_format', LOGGING],
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
  ['oslo_concurrency', ''],
  ['oslo_reports', ''],
  ['oslo_versionedobjects', ''],
  ['profiler', ''],
]);

/** For an option of section DEFAULT that is known and ignored: the end of the warning. */
export function effectlessHint(option: string): string | undefined {
  return EFFECTLESS_OPTIONS.get(option);
}

/** For a section that is known and ignored: the end of the warning. */
export function effectlessSectionHint(section: string): string | undefined {
  return EFFECTLESS_SECTIONS.get(section);
}
