import { execFile, spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/**
 * The Debian 12 packages that the OpenStack lab runs.
 *
 * Invariant: installing them starts nothing on this machine. The lab starts its own processes, on its own ports.
 */

/**
 * Libraries and programs rather than the packages named after the services: those would add init scripts, system users
 * and their questions, and the lab needs none of that. MariaDB comes as its core for the same reason.
 */
export const PACKAGES = [
  'python3-keystone',
  'python3-placement',
  // brings python3-nova, nova-manage, nova-api-wsgi and api-paste.ini
  'nova-common',
  'mariadb-server-core',
  'mariadb-client-core',
  'rabbitmq-server',
  'memcached',
  'uwsgi-core',
  'uwsgi-plugin-python3',
] as const;

/** Debian's own switch: every package asks this program before it starts a service; 101 means "not allowed". */
const POLICY_FILE = '/usr/sbin/policy-rc.d';
const POLICY = '#!/bin/sh\n# Put here by the recovery-agent lab while it installs packages.\nexit 101\n';

const ENVIRONMENT = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };

/** Those of PACKAGES that are not, or not fully, installed. */
export async function missingPackages(): Promise<string[]> {
  const query = promisify(execFile)('dpkg-query', [
    '--show',
    `--showformat=\${Package}\\t\${db:Status-Status}\\n`,
    ...PACKAGES,
  ]);
  // dpkg-query ends with 1 when one of the names is unknown to it, and still prints the others.
  const { stdout } = await query.catch((error: { stdout?: string; code?: unknown }) => {
    if (error.code === 1) return { stdout: error.stdout ?? '' };
    throw new Error('The OpenStack lab needs Debian 12: dpkg-query does not run here.', { cause: error });
  });
  const installed = new Set(stdout.split('\n'));
  return PACKAGES.filter((name) => !installed.has(`${name}\tinstalled`));
}

/** Installs what is missing of PACKAGES (one to two minutes when nothing is there). Needs root only then. */
export async function installPackages(): Promise<void> {
  const missing = await missingPackages();
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) {
    throw new Error(
      `The OpenStack lab needs the Debian packages ${missing.join(', ')}: run it as root, or install them yourself first.`,
    );
  }
  await aptGet('update');
  await withoutServiceStarts(() =>
    aptGet(
      'install',
      '--yes',
      '--no-install-recommends',
      // A lost machine is installed anew: syncing every file to disk would only cost time.
      '--option=Dpkg::Options::=--force-unsafe-io',
      '--option=Dpkg::Options::=--force-confdef',
      '--option=Dpkg::Options::=--force-confold',
      ...missing,
    ),
  );
}

/** A policy file of somebody else (every Debian container image has one) is left as it is. */
async function withoutServiceStarts(install: () => Promise<void>): Promise<void> {
  const present = await readFile(POLICY_FILE, 'utf8').catch(() => undefined);
  const ours = present === undefined || present === POLICY;
  if (ours) await writeFile(POLICY_FILE, POLICY, { mode: 0o755 });
  try {
    await install();
  } finally {
    if (ours) await rm(POLICY_FILE, { force: true });
  }
}

/** Bound by apt's own timeouts; another apt at work is waited for at most five minutes. */
async function aptGet(...words: readonly string[]): Promise<void> {
  const child = spawn('apt-get', ['--quiet=2', '--option=DPkg::Lock::Timeout=300', ...words], {
    env: ENVIRONMENT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-4000);
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  if (code !== 0) throw new Error(`apt-get ${words[0]} ended with ${code}. Its last words:\n${output}`);
}

if (import.meta.main) await installPackages();
