/** The files of a release: as its packages ship them, and as its oslo-config-generator writes them. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Release } from './install.ts';
import { engine, MAIN, monitors, type Scene } from './scene.ts';

/** What Masakari's documents and devstack name to the generator. */
const NAMESPACES = {
  engine: [
    'masakari.conf',
    'customized_recovery_flow_opts',
    'keystonemiddleware.auth_token',
    ...['db', 'log', 'messaging', 'middleware', 'policy', 'concurrency', 'cache', 'reports'].map(
      (name) => `oslo.${name}`,
    ),
    ...['periodic_task', 'service', 'sslutils', 'wsgi'].map((name) => `oslo.service.${name}`),
  ],
  monitors: ['masakarimonitors.conf', 'oslo.log', 'oslo.middleware', 'oslo.privsep'],
};

/** What an operator adds below, in sections that are there already. */
const ADDED = `
[DEFAULT]
os_privileged_user_name = nova
os_privileged_user_tenant = service
os_privileged_user_auth_url = http://192.0.2.9:5000/v3
os_privileged_user_password = p$$w0rd
graceful_shutdown_timeout = 5
[oslo_messaging_notifications]
driver = noop
[host_failure]
evacuate_all_instances = false
`;
const ADDED_TO_MONITORS = `
[api]
password = p$$w0rd
[host]
monitoring_interval = 30
[libvirt]
connection_uri = "qemu:///system"
`;

export async function shippedScenes(release: Release): Promise<readonly Scene[]> {
  const read = (path: string): string => readFileSync(join(release.folder, 'usr/share', path), 'utf8');
  const [main, lists] = ['masakari.conf', 'masakari-custom-recovery-methods.conf'].map((name) =>
    read(`masakari-common/${name}`),
  );
  const own = read('masakari-monitors-common/masakarimonitors.conf');
  const methods = '.masakari/masakari-custom-recovery-methods.conf';
  const starts = [['--config-file', `@HOME@/${MAIN.engine}`, '--config-file', `@HOME@/${methods}`]];
  const both = (name: string, text: string, tasks: string): Scene =>
    engine(name, '', { files: { [MAIN.engine]: text, [methods]: tasks }, methods, starts });
  return [
    engine('shipped: masakari.conf', main ?? ''),
    both('shipped: with the task lists', main ?? '', lists ?? ''),
    both('shipped: the task lists enabled', main ?? '', enabled(lists ?? '')),
    engine('shipped: with what an operator adds', `${main}${ADDED}`),
    engine('shipped: every option enabled', enabled(main ?? '')),
    monitors('shipped: masakarimonitors.conf', own),
    monitors('shipped: masakarimonitors.conf with what an operator adds', `${own}${ADDED_TO_MONITORS}`),
    monitors('shipped: masakarimonitors.conf, every option enabled', enabled(own)),
    ...(await generatedFiles(release)),
  ];
}

async function generatedFiles(release: Release): Promise<readonly Scene[]> {
  const [sample, minimal, wide] = await Promise.all([
    sampleOf(release, 'engine'),
    sampleOf(release, 'engine', '--minimal'),
    sampleOf(release, 'engine', '--wrap-width', '200', '--summarize'),
  ]);
  const own = await sampleOf(release, 'monitors');
  return [
    engine('generated: masakari.conf', sample),
    engine('generated: the least', minimal),
    engine('generated: wide and short', wide),
    engine('generated: every option enabled', enabled(sample)),
    engine('generated: with what an operator adds', `${enabled(wide)}${ADDED.replace(/evacuate.*\n/, '')}`),
    engine(
      'generated: capital sections',
      sample.replaceAll(/^\[[a-z_]+\]$/gm, (section) => section.toUpperCase()),
    ),
    monitors('generated: masakarimonitors.conf', own),
    monitors('generated: masakarimonitors.conf, every option enabled', enabled(own)),
  ];
}

async function sampleOf(release: Release, program: keyof typeof NAMESPACES, ...words: string[]): Promise<string> {
  const namespaces = NAMESPACES[program].flatMap((name) => ['--namespace', name]);
  const { stdout } = await promisify(execFile)(
    '/usr/bin/python3',
    ['-B', '-m', 'oslo_config.generator', ...namespaces, ...words],
    {
      env: { LC_ALL: 'C.UTF-8', ...(release.modules === undefined ? {} : { PYTHONPATH: release.modules }) },
      maxBuffer: 16_777_216,
    },
  );
  return stdout;
}

/** Each option with its default from the comment; those without one stay as they are. */
function enabled(text: string): string {
  return text.replaceAll(/^#(\w+ = (?!<None>).*)$/gm, '$1');
}
