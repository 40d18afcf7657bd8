/** Which service a key like `compute_interface` belongs to. Names from service-types.openstack.org. Pure. */
import { SERVICES, type ServiceName } from './credentials.ts';

/** Further names under which the types of our services are known. */
const OTHER_TYPES: Partial<Readonly<Record<ServiceName, readonly string[]>>> = {
  workflow: ['workflowv2'],
  'instance-ha': ['ha'],
};
/** The projects behind our services: openstacksdk reads no key that begins with one of them. */
const PROJECTS: readonly string[] = ['nova', 'keystone', 'mistral', 'masakari'];

/** Types, further names and projects of services that no request is sent to. */
const FOREIGN = new Set(
  `accelerator adjutant admin_logic alarm alarming aodh application_catalog application_container application_deployment backup
  barbican bare_metal baremetal baremetal_introspection blazar block_storage block_store ceilometer cinder cloudkitty cluster
  clustering congress container container_infra container_infrastructure container_infrastructure_management cyborg
  data_processing data_protection_orchestration database designate dns ec2_api event events freezer freezer_api function_engine
  glance gnocchi heat image infra_optim ironic ironic_inspector karbor key_manager load_balancer magnum manila message messaging
  meter metering metric monasca monasca_api monasca_events_api monasca_log_api monitoring monitoring_events monitoring_log_api
  monitoring_logging multi_region_network_automation murano network neutron nfv_orchestration object_store octavia
  operator_policy orchestration panko placement policy qinling queues rating rca registration reservation resource_cluster
  resource_optimization root_cause_analysis sahara search searchlight senlin share shared_file_system sharev2 solum swift tacker
  telemetry trove tricircle vitrage volume volumev2 volumev3 watcher zaqar zun`.split(/\s+/),
);

export type Owner =
  | { readonly kind: 'ours'; readonly service: ServiceName; readonly setting: string }
  | { readonly kind: 'project'; readonly setting: string }
  | { readonly kind: 'foreign' };

/** Prefixes of keys for a service, the one that counts first. */
export function prefixesOf(service: ServiceName): readonly string[] {
  return [service, ...(OTHER_TYPES[service] ?? [])].map((type) => type.replaceAll('-', '_'));
}

/** Undefined for a key that belongs to no service. */
export function ownerOf(key: string): Owner | undefined {
  for (const service of SERVICES) {
    for (const prefix of prefixesOf(service)) {
      if (key.startsWith(`${prefix}_`)) return { kind: 'ours', service, setting: key.slice(prefix.length + 1) };
    }
  }
  for (const project of PROJECTS) {
    if (key.startsWith(`${project}_`)) return { kind: 'project', setting: key.slice(project.length + 1) };
  }
  const words = key.split('_');
  const isForeign = words.some((_, index) => index > 0 && FOREIGN.has(words.slice(0, index).join('_')));
  return isForeign ? { kind: 'foreign' } : undefined;
}

/** Whether `has_NAME` names a service. */
export function isService(name: string): boolean {
  return FOREIGN.has(name) || SERVICES.some((service) => prefixesOf(service).includes(name));
}
