/** Files in the shape in which deployment tools write them: which sections and options, in which order, how they are quoted. */
import { engine, MAIN, monitors, type Scene } from '../scene.ts';

const CREDENTIALS = `os_privileged_user_tenant = service
os_privileged_user_auth_url = http://192.0.2.9:5000
os_privileged_user_name = nova
os_privileged_user_password = XTqS1tfOjyv2wS3tXT8bMlhzdHq9Ip`;

/** kolla-ansible: a template with the libraries' sections, drivers among them. */
const KOLLA = `[DEFAULT]
debug = False
log_dir = /var/log/kolla/masakari
masakari_api_listen = 192.0.2.10
masakari_api_listen_port = 15868
enabled_apis = masakari_api
state_path = /var/lib/masakari
transport_url = rabbit://openstack:a1@192.0.2.10:5672,openstack:a1@192.0.2.11:5672//
os_region_name = RegionOne
os_user_domain_name = default
os_project_domain_name = default
${CREDENTIALS}
nova_ca_certificates_file = 

[database]
connection = mysql+pymysql://masakari:b2@192.0.2.10:3306/masakari
connection_recycle_time = 10
max_pool_size = 1
max_retries = -1

[keystone_authtoken]
service_type = instance-ha
auth_url = http://192.0.2.10:5000
memcached_servers = 192.0.2.10:11211,192.0.2.11:11211
memcache_secret_key = k$ey
password = c3

[oslo_messaging_notifications]
transport_url = rabbit://openstack:a1@192.0.2.10:5672//
driver = noop

[oslo_messaging_rabbit]
heartbeat_in_pthread = False
rabbit_quorum_queue = true

[oslo_middleware]
enable_proxy_headers_parsing = true

[oslo_policy]
policy_file = policy.yaml

[taskflow]
connection = mysql+pymysql://masakari:b2@192.0.2.10:3306/masakari

[coordination]
backend_url = etcd3+http://192.0.2.10:2379?api_version=v3

[oslo_concurrency]
lock_path = /var/lib/masakari/tmp
`;

const KOLLA_MONITORS = `[DEFAULT]
debug = False
log_dir = /var/log/kolla/masakari

[api]
region = RegionOne
auth_url = http://192.0.2.10:5000
user_domain_id = default
project_name = service
username = masakari
password = c3
cafile = 
api_interface = internal

[libvirt]
connection_uri = "qemu+tcp://192.0.2.21/system"
`;

/** The charm: short, comments between, a file of the monitors with the host's options. */
const CHARM = `[DEFAULT]
enabled_apis = masakari_api
debug = False
auth_strategy = keystone

transport_url = rabbit://masakari:d4@192.0.2.30:5672/masakari

os_user_domain_name = service_domain
os_project_domain_name = service_domain
nova_catalog_admin_info = compute:nova:publicURL
os_privileged_user_name = masakari
os_privileged_user_password = 5TnPrZr3CHJfLcHPSpTnXVhPZTwLnBTz
os_privileged_user_tenant = services
os_privileged_user_auth_url = http://192.0.2.31:35357/v3

wait_period_after_service_update = 180

[wsgi]
# where the paste file is
api_paste_config = /etc/masakari/api-paste.ini

[keystone_authtoken]
auth_type = password
username = masakari

#[keystone_authtoken]
#username = someone else

[database]
connection = mysql://masakari:e5@192.0.2.32/masakari

[host_failure]
evacuate_all_instances = True
`;

const CHARM_MONITORS = `[DEFAULT]
hostname = node1
log_file = /var/log/masakari/masakarimonitors.log
[libvirt]
connection_uri = 'qemu:///system'
[api]
auth_type = password
password = f6
[host]
monitoring_driver = default
monitoring_interval = 120
disable_ipmi_check = True
restrict_to_remotes = True
corosync_multicast_interfaces = ens3
corosync_multicast_ports = 5405
`;

/** devstack: a generated file into which \`iniset\` writes at the top of each section, without blank lines between. */
const DEVSTACK = `[DEFAULT]
graceful_shutdown_timeout = 5
os_privileged_user_tenant = service
os_privileged_user_password = secret
os_privileged_user_auth_url = http://192.0.2.9/identity
os_privileged_user_name = nova
logging_exception_prefix = ERROR %(name)s \u001b[01;35m%(instance)s\u001b[00m
logging_context_format_string = %(color)s%(levelname)s %(name)s [\u001b[01;36m%(request_id)s\u001b[00m] %(message)s
use_syslog = False
debug = True
masakari_api_workers = 2

#
# From masakari.conf
#

# (integer value)
#verify_interval = 1
[database]
connection = mysql+pymysql://root:secret@127.0.0.1/masakari?charset=utf8&plugin=dbcounter
[taskflow]
connection = mysql+pymysql://root:secret@127.0.0.1/masakari?charset=utf8&plugin=dbcounter
[keystone_authtoken]
memcached_servers = localhost:11211
cafile = /opt/stack/data/ca-bundle.pem
[oslo_messaging_rabbit]
rabbit_quorum_queue = 
`;

/** Ansible roles of openstack-ansible: options sorted by name, sections merged from overrides. */
const ANSIBLE = `[DEFAULT]
debug = False
fatal_deprecations = False
os_privileged_user_auth_url = https://192.0.2.9:5000/v3
os_privileged_user_name = masakari
os_privileged_user_password = a%b&c!d(e)f
os_privileged_user_tenant = service
os_region_name = RegionOne
[oslo_messaging_notifications]
driver = messagingv2
topics = notifications,versioned
[host_failure]
evacuate_all_instances = False
ha_enabled_instance_metadata_key = HA_Enabled
ignore_instances_in_error_state = True
[instance_failure]
process_all_instances = True
`;

const PROCESSES = `[DEFAULT]
host = compute1
[api]
api_version = v1
[host]
monitoring_driver = consul
monitoring_samples = 3
[consul]
agent_manage = 192.0.2.40:8500
agent_tenant = 198.51.100.40:8500
agent_storage = 203.0.113.40:8500
matrix_config_file = /etc/masakarimonitors/matrix.yaml
[process]
check_interval = 5
restart_retries = 3
restart_interval = 5
process_list_path = /etc/masakarimonitors/process_list.yaml
[callback]
retry_max = 12
retry_interval = 10
[introspectiveinstancemonitor]
guest_monitoring_interval = 10
guest_monitoring_timeout = 2
guest_monitoring_failure_threshold = 3
`;

export const DEPLOYMENTS: readonly Scene[] = [
  engine('kolla-ansible', KOLLA),
  engine(
    'kolla-ansible: TLS, durable queues, no coordination',
    KOLLA.replace(/\[coordination\]\n.*\n/, '').replace('false', 'true'),
  ),
  monitors('kolla-ansible: monitors', KOLLA_MONITORS, { refused: /libvirt URI without a host/ }),
  monitors('kolla-ansible: monitors on the socket', KOLLA_MONITORS.replace('+tcp://192.0.2.21/', ':///')),
  {
    ...monitors('kolla-ansible: monitors under the name of kolla', ''),
    files: { 'masakari-monitors/masakari-monitors.conf': KOLLA_MONITORS.replace('+tcp://192.0.2.21/', ':///') },
    starts: [['--config-file', '@HOME@/masakari-monitors/masakari-monitors.conf']],
  },
  engine('charm', CHARM),
  monitors('charm: monitors', CHARM_MONITORS),
  engine('devstack', DEVSTACK),
  engine('openstack-ansible', ANSIBLE),
  monitors('consul and processes', PROCESSES, {
    refused: /"matrix_config_file" does not belong to section \[consul\] but to \[host\]/,
  }),
  monitors('consul and processes, without the matrix', PROCESSES.replace(/matrix_config_file.*\n/, '')),
  {
    ...engine('kolla-ansible: task lists in a file of their own', ''),
    files: {
      [MAIN.engine]: KOLLA,
      '.masakari/masakari-custom-recovery-methods.conf': `[taskflow_driver_recovery_flows]
instance_failure_recovery_tasks = pre:['stop_instance_task'], main:['start_instance_task'], post:[]
`,
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
];
