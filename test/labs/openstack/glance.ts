import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  connection,
  ini,
  type LabPlan,
  LOGGING,
  PYTHON_FOLDER,
  type Settings,
  tokenChecks,
  url,
} from './configuration.ts';
import { sql } from './database.ts';
import type { Processes } from './processes.ts';
import type { RestClient } from './rest.ts';
import { answers, uwsgi } from './services.ts';

/** A real Glance, Debian 12's, with a file store in the lab's folder and one tiny image. */

/** Glance takes the id that it is given. */
export const TINY_IMAGE = '7a11b0a7-0000-4000-8000-000000000001';

/** The lab's driver boots nothing from it: any content does. */
const CONTENT = 'x'.repeat(1024);

/** What Debian's package glance-common would bring as `glance-api-paste.ini`, less what the lab does not use. */
const PIPELINE: Settings = {
  'pipeline:glance-api-keystone': { pipeline: 'versionnegotiation authtoken context rootapp' },
  'composite:rootapp': {
    'paste.composite_factory': 'glance.api:root_app_factory',
    '/': 'apiversions',
    '/v2': 'apiv2app',
  },
  'app:apiversions': { 'paste.app_factory': 'glance.api.versions:create_resource' },
  'app:apiv2app': { 'paste.app_factory': 'glance.api.v2.router:API.factory' },
  'filter:versionnegotiation': {
    'paste.filter_factory': 'glance.api.middleware.version_negotiation:VersionNegotiationFilter.factory',
  },
  'filter:authtoken': { 'paste.filter_factory': 'keystonemiddleware.auth_token:filter_factory' },
  'filter:context': { 'paste.filter_factory': 'glance.api.middleware.context:ContextMiddleware.factory' },
};

const settingsOf = (plan: LabPlan, data: string): Settings => ({
  DEFAULT: {
    ...LOGGING,
    transport_url: `rabbit://guest:guest@127.0.0.1:${plan.ports.rabbitmq}/`,
    enabled_backends: 'lab:file',
    node_staging_uri: `file://${data}/staging`,
  },
  database: { connection: connection(plan, 'glance') },
  keystone_authtoken: tokenChecks(plan, 'glance'),
  paste_deploy: { flavor: 'keystone' },
  glance_store: { default_backend: 'lab' },
  lab: { filesystem_store_datadir: `${data}/images` },
  os_glance_staging_store: { filesystem_store_datadir: `${data}/staging` },
  os_glance_tasks_store: { filesystem_store_datadir: `${data}/tasks` },
});

/**
 * Resolves when it serves the image.
 *
 * @param accounts settles when Keystone has the services' accounts: only the last part waits for them
 */
export async function startGlance(
  plan: LabPlan,
  processes: Processes,
  rest: RestClient,
  accounts: Promise<void>,
): Promise<void> {
  const folder = join(plan.directory, 'etc/glance');
  const file = join(folder, 'glance-api.conf');
  const data = join(plan.directory, 'data/glance');
  for (const each of [folder, ...['images', 'staging', 'tasks'].map((name) => join(data, name))]) {
    mkdirSync(each, { recursive: true });
  }
  writeFileSync(file, ini(settingsOf(plan, data)));
  writeFileSync(join(folder, 'glance-api-paste.ini'), ini(PIPELINE));
  await sql(plan, 'CREATE DATABASE glance', 'nova_cell0');
  const manage = ['/usr/bin/python3', '-m', 'glance.cmd.manage', `--config-file=${file}`];
  await processes.run('glance-schema', [...manage, 'db', 'sync'], 300);
  await processes.start('glance', uwsgi(plan.ports.glance, 1, join(PYTHON_FOLDER, 'glance_api.py')), {
    OS_GLANCE_CONFIG_DIR: folder,
  });
  await processes.ready('glance', 90, () => answers(`${url(plan, 'glance')}/`));
  await accounts;
  await uploadImage(plan, rest);
}

async function uploadImage(plan: LabPlan, rest: RestClient): Promise<void> {
  const images = `${url(plan, 'glance')}/v2/images`;
  const image = { id: TINY_IMAGE, name: 'tiny', disk_format: 'raw', container_format: 'bare', visibility: 'public' };
  await rest.call('POST', images, { body: image });
  await rest.call('PUT', `${images}/${TINY_IMAGE}/file`, {
    body: CONTENT,
    headers: { 'Content-Type': 'application/octet-stream' },
  });
}
