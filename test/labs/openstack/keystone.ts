import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { authUrl, type LabPlan, PASSWORD, SERVICE_USERS, url } from './configuration.ts';
import type { RestClient } from './rest.ts';

/** What the lab puts into Keystone, and the credentials that it hands out. */

interface WithId {
  readonly id: string;
}

async function createIn(
  plan: LabPlan,
  rest: RestClient,
  collection: string,
  kind: string,
  what: Record<string, unknown>,
): Promise<string> {
  const { body } = await rest.call('POST', `${authUrl(plan)}/${collection}`, { body: { [kind]: what } });
  return (body as Record<string, WithId>)[kind]?.id ?? '';
}

/** Puts a service into the catalogue. */
export async function enterService(
  plan: LabPlan,
  rest: RestClient,
  { name, type, address }: { readonly name: string; readonly type: string; readonly address: string },
): Promise<void> {
  const id = await createIn(plan, rest, 'services', 'service', { name, type });
  for (const kind of ['public', 'internal']) {
    const endpoint = { service_id: id, interface: kind, url: address, region_id: 'RegionOne' };
    await createIn(plan, rest, 'endpoints', 'endpoint', endpoint);
  }
}

/** The catalogue and the services' accounts. */
export async function seedKeystone(plan: LabPlan, rest: RestClient): Promise<void> {
  const create = (collection: string, kind: string, what: Record<string, unknown>): Promise<string> =>
    createIn(plan, rest, collection, kind, what);
  const service = (name: string, type: string, address: string): Promise<void> =>
    enterService(plan, rest, { name, type, address });
  const account = async (name: string, project: string, role: string): Promise<void> => {
    const id = await create('users', 'user', { name, password: PASSWORD, domain_id: 'default' });
    await rest.call('PUT', `${authUrl(plan)}/projects/${project}/users/${id}/roles/${role}`);
  };
  await create('regions', 'region', { id: 'RegionOne' });
  const [project, roles] = await Promise.all([
    create('projects', 'project', { name: 'service', domain_id: 'default' }),
    rest.call('GET', `${authUrl(plan)}/roles?name=admin`),
  ]);
  const role = (roles.body as { roles: WithId[] }).roles[0]?.id ?? '';
  await Promise.all([
    ...SERVICE_USERS.map((name) => account(name, project, role)),
    service('keystone', 'identity', authUrl(plan)),
    service('nova', 'compute', `${url(plan, 'nova')}/v2.1`),
    service('placement', 'placement', url(plan, 'placement')),
    service('neutron', 'network', url(plan, 'neutron')),
    ...(plan.images === 'glance' ? [service('glance', 'image', url(plan, 'glance'))] : []),
  ]);
}

export interface ApplicationCredential {
  readonly id: string;
  readonly secret: string;
  /** Path of a clouds.yaml whose cloud `lab` logs in with it. */
  readonly cloudsYaml: string;
}

/** A new application credential of the administrator, with all of the administrator's roles. */
export async function createApplicationCredential(plan: LabPlan, rest: RestClient): Promise<ApplicationCredential> {
  const users = await rest.call('GET', `${authUrl(plan)}/users?name=admin`);
  const user = (users.body as { users: WithId[] }).users[0]?.id ?? '';
  const name = `lab-${randomUUID()}`;
  const { body } = await rest.call('POST', `${authUrl(plan)}/users/${user}/application_credentials`, {
    body: { application_credential: { name } },
  });
  const { id, secret } = (body as { application_credential: { id: string; secret: string } }).application_credential;
  const cloudsYaml = writeCloudsYaml(plan, `clouds-${name}.yaml`, {
    auth_type: 'v3applicationcredential',
    auth: { auth_url: authUrl(plan), application_credential_id: id, application_credential_secret: secret },
  });
  return { id, secret, cloudsYaml };
}

/** A user in the administrator's project with a new role and no other; the path of a clouds.yaml that logs in as that user. */
export async function createUserWithRole(plan: LabPlan, rest: RestClient, role: string): Promise<string> {
  const name = `${role}-user`;
  const { body } = await rest.call('GET', `${authUrl(plan)}/projects?name=admin`);
  const project = (body as { projects: WithId[] }).projects[0]?.id ?? '';
  const [user, roleId] = await Promise.all([
    createIn(plan, rest, 'users', 'user', { name, password: PASSWORD, domain_id: 'default' }),
    createIn(plan, rest, 'roles', 'role', { name: role }),
  ]);
  await rest.call('PUT', `${authUrl(plan)}/projects/${project}/users/${user}/roles/${roleId}`);
  return writeCloudsYaml(plan, `clouds-${name}.yaml`, { auth: { ...adminCredentials(plan), username: name } });
}

/** A project in which the administrator has the role that it has in its own; the project's id. */
export async function createProject(plan: LabPlan, rest: RestClient, name: string): Promise<string> {
  const [project, users, roles] = await Promise.all([
    createIn(plan, rest, 'projects', 'project', { name, domain_id: 'default' }),
    rest.call('GET', `${authUrl(plan)}/users?name=admin`),
    rest.call('GET', `${authUrl(plan)}/roles?name=admin`),
  ]);
  const user = (users.body as { users: WithId[] }).users[0]?.id;
  const role = (roles.body as { roles: WithId[] }).roles[0]?.id;
  await rest.call('PUT', `${authUrl(plan)}/projects/${project}/users/${user}/roles/${role}`);
  return project;
}

/** How a program logs in as the lab's administrator. */
export const adminCredentials = (plan: LabPlan) => ({
  auth_url: authUrl(plan),
  username: 'admin',
  password: PASSWORD,
  project_name: 'admin',
  user_domain_name: 'Default',
  project_domain_name: 'Default',
});

export function writeAdminCloudsYaml(plan: LabPlan): string {
  return writeCloudsYaml(plan, 'clouds.yaml', { auth: adminCredentials(plan) });
}

function writeCloudsYaml(plan: LabPlan, name: string, cloud: Record<string, unknown>): string {
  const file = join(plan.directory, name);
  writeFileSync(file, stringify({ clouds: { lab: { ...cloud, region_name: 'RegionOne', interface: 'public' } } }), {
    mode: 0o600,
  });
  return file;
}
