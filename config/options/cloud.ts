/** Options for the access to the cloud: Masakari's in section DEFAULT, ours in section cloud. */

import {
  ANY_TEXT,
  CATALOG_INFO,
  choice,
  flag,
  NAME,
  OPTIONAL_PATH,
  OPTIONAL_URL,
  seconds,
  secret,
  text,
  withExample,
} from './kinds.ts';

export const nova = {
  osPrivilegedUserName: text(
    'os_privileged_user_name',
    '',
    ANY_TEXT,
    'User who may evacuate; without one the credentials come from clouds.yaml or OS_* variables.',
  ),
  osPrivilegedUserPassword: secret(
    'os_privileged_user_password',
    'Password of that user; a file that contains it must not be readable for every user.',
  ),
  osPrivilegedUserTenant: text('os_privileged_user_tenant', '', ANY_TEXT, 'Project of that user.'),
  osPrivilegedUserAuthUrl: withExample(
    'https://keystone.example.org:5000/v3',
    text('os_privileged_user_auth_url', '', OPTIONAL_URL, 'URL of Keystone.'),
  ),
  osUserDomainName: text('os_user_domain_name', 'default', NAME, 'Domain of that user.'),
  osProjectDomainName: text('os_project_domain_name', 'default', NAME, 'Domain of that project.'),
  osRegionName: text('os_region_name', '', ANY_TEXT, 'Region of the cloud; needed where the catalog has several.'),
  novaCatalogAdminInfo: text(
    'nova_catalog_admin_info',
    'compute:nova:publicURL',
    CATALOG_INFO,
    'Which endpoint of the catalog is Nova.',
  ),
  novaCaCertificatesFile: text(
    'nova_ca_certificates_file',
    '',
    OPTIONAL_PATH,
    "PEM file with the authorities that sign the cloud's certificates; without one those of the system.",
  ),
  novaApiInsecure: flag(
    'nova_api_insecure',
    false,
    'Accept any certificate of the cloud. An attacker on the network can then read the password.',
  ),
};

export const cloud = {
  driver: choice(
    'driver',
    'openstack',
    ['openstack', 'simulated'],
    'A real cloud, or the one built in for trying things out.',
  ),
  cloud: text(
    'cloud',
    '',
    ANY_TEXT,
    'Name of the cloud in clouds.yaml; without one OS_CLOUD, OS_* or the only one there is.',
  ),
  cloudsFile: text(
    'clouds_file',
    '',
    OPTIONAL_PATH,
    'The clouds.yaml to use; without one it is searched where OpenStack clients search.',
  ),
  simulatedAddress: text(
    'simulated_address',
    '',
    ANY_TEXT,
    'Address of a simulated cloud: the path of a unix socket, or HOST:PORT.',
  ),
  connectTimeoutMs: seconds('connect_timeout', 5, [0.1, 300], 'Upper bound of the wait for a connection to the cloud.'),
  requestTimeoutMs: seconds('request_timeout', 60, [0.1, 3600], 'Upper bound of the wait for a response of the cloud.'),
};
