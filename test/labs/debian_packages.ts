import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * The Debian 12 packages of a lab.
 *
 * Invariant: installing them starts nothing on this machine. A lab starts its own processes, in its own place.
 */

/** Debian's own switch: every package calls this program before it starts a service; 101 means "not allowed". */
const POLICY_FILE = '/usr/sbin/policy-rc.d';
const POLICY = '#!/bin/sh\n# Put here by the recovery-agent labs while they install packages.\nexit 101\n';

/** Two labs may be installed at once; the policy file of one must not go while the other installs. */
const LOCK_FILE = join(tmpdir(), 'recovery-agent-labs-packages.lock');
const LOCK_SECONDS = 2400;

const ENVIRONMENT = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };

/** Those of the packages that are not, or not fully, installed. */
export async function missingPackages(packages: readonly string[]): Promise<string[]> {
  const query = promisify(execFile)('dpkg-query', [
    '--show',
    `--showformat=\${Package}\\t\${db:Status-Status}\\n`,
    ...packages,
  ]);
  // dpkg-query ends with 1 when one of the names is unknown to it, and still prints the others.
  const { stdout } = await query.catch((error: { stdout?: string; code?: unknown }) => {
    if (error.code === 1) return { stdout: error.stdout ?? '' };
    throw new Error('The labs need Debian 12: dpkg-query does not run here.', { cause: error });
  });
  const installed = new Set(stdout.split('\n'));
  return packages.filter((name) => !installed.has(`${name}\tinstalled`));
}

/** Installs what is missing of the packages (one to two minutes when nothing is there). Needs root only then. */
export async function installDebianPackages(lab: string, packages: readonly string[]): Promise<void> {
  const missing = await missingPackages(packages);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) {
    throw new Error(
      `The ${lab} lab needs the Debian packages ${missing.join(', ')}: run it as root, or install them yourself first.`,
    );
  }
  await withPackagesLock(async () => {
    await aptGet('update');
    await withoutServiceStarts(() =>
      aptGet(
        'install',
        '--yes',
        '--no-install-recommends',
        // The lab is reinstalled after a loss: syncing every file to disk would only cost time.
        '--option=Dpkg::Options::=--force-unsafe-io',
        '--option=Dpkg::Options::=--force-confdef',
        '--option=Dpkg::Options::=--force-confold',
        ...missing,
      ),
    );
  });
}

/** The kernel gives the lock back when its holder ends, and the holder ends with us: its standard input closes. */
export async function withPackagesLock(action: () => Promise<void>): Promise<void> {
  const words = ['--timeout', `${LOCK_SECONDS}`, LOCK_FILE, 'sh', '-c', 'echo held; exec cat'];
  const holder = spawn('flock', words, { stdio: ['pipe', 'pipe', 'inherit'] });
  const held = await Promise.race([
    once(holder.stdout, 'data').then(() => true),
    once(holder, 'close').then(() => false),
  ]);
  if (!held) {
    throw new Error(`Another installation held ${LOCK_FILE} for ${LOCK_SECONDS} s. Check it, and retry.`);
  }
  try {
    await action();
  } finally {
    holder.stdin.end();
  }
}

/** A policy file of another program (every Debian container image has one) is not changed. */
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
export async function aptGet(...words: readonly string[]): Promise<void> {
  await aptGetIn(process.cwd(), ...words);
}

/** The same in another folder: `apt-get download` puts its file into the current one. */
export async function aptGetIn(directory: string, ...words: readonly string[]): Promise<void> {
  const child = spawn('apt-get', ['--quiet=2', '--option=DPkg::Lock::Timeout=300', ...words], {
    cwd: directory,
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
