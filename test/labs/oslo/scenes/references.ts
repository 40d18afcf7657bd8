/** Dollar signs: escaped, alone, and before the name of an option. */
import { engine, MAIN, monitors, type Scene } from '../scene.ts';

const braced = (name: string): string => `$\{${name}}`;
const OPEN = braced('').slice(0, 2);
const CREDENTIALS = 'os_privileged_user_name=u\nos_privileged_user_tenant=t\nos_privileged_user_auth_url=http://k\n';
const password = (value: string, more: Partial<Scene> = {}): Scene =>
  engine(`password ${value}`, `[DEFAULT]\n${CREDENTIALS}os_privileged_user_password = ${value}\n`, more);
const region = (value: string, rest = '', more: Partial<Scene> = {}): Scene =>
  engine(`region ${value}${rest && ` with ${rest}`}`, `[DEFAULT]\nos_region_name = ${value}\n${rest}`, more);
const reason = (value: string, rest = '', more: Partial<Scene> = {}): Scene =>
  engine(`reason ${value}`, `[host_failure]\nservice_disable_reason = ${value}\n${rest}`, more);

export const DOLLARS: readonly Scene[] = [
  ...['a$$b', String.raw`a\$b`, 'a$', '$', '$$', '$$$$', '$1', 'a$-b', 'a $ b', '$$name', String.raw`\$name`].map(
    (value) => password(value),
  ),
  ...[
    '$$$1',
    String.raw`\\$1`,
    String.raw`\\$$1`,
    String.raw`a\b`,
    braced(''),
    OPEN,
    '$}',
    `${OPEN}a`,
    braced('1'),
    '$é',
    '$.a',
  ].map((value) => password(value)),
  password('$$$name'),
  password(String.raw`\\$name`),
  password('ab$cret'),
  password('ab$_'),
  password('a$B'),
  password(braced('name')),
  password('$\u017fx'),
];

export const REFERENCES: readonly Scene[] = [
  password('$os_privileged_user_name'),
  password(`x${braced('os_privileged_user_name')}y`),
  password('$os_user_domain_name-$os_project_domain_name'),
  password('$os_privileged_user_password'),
  region('$os_user_domain_name'),
  region('$os_user_domain_name.'),
  region('$os_user_domain_name.x'),
  region('$OS_USER_DOMAIN_NAME'),
  region('$verify_interval', 'verify_interval = 007\n'),
  region('$verify_interval', "verify_interval = ' 7 '\n", { refused: /"verify_interval" takes a number of seconds/ }),
  region('$nova_api_insecure', 'nova_api_insecure = yes\n'),
  region('$nova_api_insecure $os_system_scope.'),
  region(braced('host_failure.evacuate_all_instances')),
  region('$host_failure.service_disable_reason', '[host_failure]\nservice_disable_reason = "a $$b"\n'),
  region('$host_failure.nothing'),
  region('$nowhere.nothing'),
  region('$DEFAULT.os_user_domain_name'),
  region(braced('DEFAULT.os_user_domain_name')),
  region('$default.os_user_domain_name'),
  region('$HOST_FAILURE.service_disable_reason'),
  region('$os_user_domain_name', 'os_user_domain_name = $os_project_domain_name\nos_project_domain_name = $$x\n'),
  region('$os_user_domain_name', 'os_user_domain_name = $os_region_name\n'),
  region('$os_user_domain_name', 'os_user_domain_name = $nothing\n'),
  region('$service_disable_reason'),
  region('$nothing', 'nothing = 1\n'),
  region('$host', '', { refused: /\$host has a default that depends on the machine/ }),
  region('$host', 'host = c1\n'),
  region('$state_path', '', { refused: /\$state_path has a value that is not known here/ }),
  region('$state_path', 'state_path = /var/lib/masakari\n'),
  region('$pybasedir', '', { refused: /\$pybasedir has a default that depends on the machine/ }),
  region('$my_ip', 'my_ip = 192.0.2.1\n'),
  region('$os_privileged_user_password', 'os_privileged_user_password = p\n', { refused: /is a secret/ }),
  region('$transport_url', 'transport_url = rabbit://a:b@c\n', { refused: /is a secret/ }),
  region('$auth_strategy $control_exchange $log_date_format'),
  region('$log_dir', '', { refused: /\$log_dir refers to no option of Masakari with a known value/ }),
  region('$enabled_apis', '', { refused: /\$enabled_apis refers to no option of Masakari with a known value/ }),
  region('$taskflow.connection', '[taskflow]\nconnection = sqlite://\n'),
  region('$database.connection', '[database]\nconnection = mysql://a:b@c\n', {
    refused: /no option of Masakari with a known value/,
  }),
  reason('$ha_enabled_instance_metadata_key in $os_user_domain_name'),
  reason('$host_failure.ha_enabled_instance_metadata_key'),
  reason(
    '$instance_failure.ha_enabled_instance_metadata_key',
    '[instance_failure]\nha_enabled_instance_metadata_key = k\n',
  ),
  reason('$verify_interval', '[DEFAULT]\nverify_interval = 5\n'),
  reason('a\n  $verify_interval', '', { refused: /"service_disable_reason" takes a name/ }),
  engine('in a number', '[DEFAULT]\nverify_interval = $wait_period_after_power_on\n'),
  engine('in a flag', '[DEFAULT]\nnova_api_insecure = $use_ssl\n'),
  engine('where it has no effect', '[DEFAULT]\nlog_dir = $nothing\n', { alone: 'Masakari does not start' }),
  {
    ...engine('to an option of another file', ''),
    files: {
      [MAIN.engine]: '[DEFAULT]\nos_region_name = $os_user_domain_name\n',
      '.masakari/masakari-custom-recovery-methods.conf': '[DEFAULT]\nos_user_domain_name = x\n',
    },
    methods: '.masakari/masakari-custom-recovery-methods.conf',
    starts: [
      [
        '--config-file',
        '@HOME@/.masakari/masakari.conf',
        '--config-file',
        '@HOME@/.masakari/masakari-custom-recovery-methods.conf',
      ],
    ],
  },
  monitors('monitors', '[libvirt]\nconnection_uri = qemu:///$api.region/$host.monitoring_interval\n'),
  monitors('monitors: own section', '[process]\nprocess_list_path = /$check_interval/$debug\n'),
  monitors('monitors: secret', '[libvirt]\nconnection_uri = $api.password\n[api]\npassword = p\n'),
];
