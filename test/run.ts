/**
 * `npm test`: format, lint and import rules, types, and every suite; ends with one line that counts them all.
 *
 * Labs need Debian packages. With CI=true or `--labs` these are installed and the labs run; elsewhere one line for each lab
 * shows the command, and nothing of the machine is changed. Under CI=true a skipped test fails the run.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BIN = join(ROOT, 'node_modules', '.bin');
const LABS = [
  { name: 'openstack', install: 'test/labs/openstack/install.ts' },
  { name: 'openstacksdk', install: 'test/labs/openstacksdk/install.ts' },
  { name: 'oslo', install: 'test/labs/oslo/install.ts' },
  { name: 'mistral', install: 'test/labs/mistral/install.ts' },
  { name: 'pacemaker', install: 'test/labs/pacemaker/install.ts' },
  { name: 'libvirt', install: 'test/labs/libvirt/install.ts' },
  { name: 'mail', install: 'test/labs/mail/install.ts' },
  { name: 'bmc', install: 'test/labs/bmc/install.ts' },
  { name: 'packages', install: 'test/labs/packages/install.ts' },
];
const isCi = process.env.CI === 'true';
const withLabs = isCi || process.argv.includes('--labs');
const scratch = mkdtempSync(join(tmpdir(), 'recovery-agent-tests-'));

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

interface Check {
  readonly name: string;
  readonly isOk: boolean;
}

/** Runs a program and resolves with its exit code; `held`: what it prints comes when it has ended, not in between. */
function run(name: string, program: string, args: readonly string[], output: 'live' | 'held'): Promise<Check> {
  return new Promise((resolve) => {
    const child = spawn(program, [...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    const parts: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        if (output === 'live') process.stdout.write(chunk);
        else parts.push(chunk);
      });
    }
    child.on('error', (error) => parts.push(Buffer.from(`${error.message}\n`)));
    child.on('close', (code) => {
      if (output === 'held')
        process.stdout.write(`\n== ${name}: ${code === 0 ? 'ok' : 'FAILED'}\n${Buffer.concat(parts)}`);
      resolve({ name, isOk: code === 0 });
    });
  });
}

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly numFailedTestSuites: number;
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Repeats the failures at the end, where the reader of a long output finds them. */
const failures: string[] = [];
const FAILURE_CHARACTERS = 4_000;

function noteFailures({ testResults }: Report): void {
  for (const { name, status, message, assertionResults } of testResults) {
    const file = relative(ROOT, name);
    const failed = assertionResults.filter((assertion) => assertion.status === 'failed');
    for (const { fullName, failureMessages } of failed) {
      failures.push(`FAILED: ${file}: ${fullName}\n${failureMessages.join('\n').slice(0, FAILURE_CHARACTERS)}`);
    }
    if (status === 'failed' && failed.length === 0) {
      failures.push(`FAILED: ${file}\n${message.slice(0, FAILURE_CHARACTERS)}`);
    }
  }
}

async function runSuites(projects: readonly string[], count: Count, output: 'live' | 'held' = 'live'): Promise<void> {
  const outputFile = join(scratch, `${projects.join('-')}.json`);
  const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${outputFile}`];
  const selected = projects.flatMap((project) => ['--project', project]);
  const { isOk } = await run(projects.join(', '), join(BIN, 'vitest'), [...args, ...selected], output);
  let report: Report;
  try {
    report = JSON.parse(readFileSync(outputFile, 'utf8'));
  } catch {
    process.stdout.write(`${projects.join(', ')}: vitest left no report\n`);
    count.failed += 1;
    return;
  }
  noteFailures(report);
  count.passed += report.numPassedTests;
  count.failed += report.numFailedTests;
  count.skipped += report.numPendingTests + report.numTodoTests;
  // A file that breaks before its first test, or an unhandled error, fails no test and must not pass for all that.
  if (!isOk && report.numFailedTests === 0) count.failed += 1;
  if (report.numPassedTests === 0) {
    process.stdout.write(`${projects.join(', ')}: no test ran\n`);
    count.failed += 1;
  }
  const skipped = report.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status !== 'passed' && status !== 'failed');
  for (const { fullName } of skipped) process.stdout.write(`SKIPPED: ${fullName}\n`);
  if (isCi) count.failed += skipped.length;
}

const count: Count = { passed: 0, failed: 0, skipped: 0 };
const tally = ({ name, isOk }: Check): void => {
  count[isOk ? 'passed' : 'failed'] += 1;
  if (!isOk) failures.push(`FAILED: ${name}`);
};

try {
  if (withLabs) tally(await run('packages of the suites', process.execPath, ['test/journal/install.ts'], 'held'));
  // Packages come over the network, so they are fetched while the processors lint and test.
  const installations = withLabs
    ? LABS.map(({ name, install }) => run(`packages of lab ${name}`, process.execPath, [install], 'held'))
    : [];
  const checks = await Promise.all([
    run('format, lint, import rules', join(ROOT, 'node_modules/@biomejs/cli-linux-x64/biome'), ['check', '.'], 'held'),
    run('types', join(BIN, 'tsc'), ['--noEmit'], 'held'),
  ]);
  checks.forEach(tally);
  await runSuites(['unit', 'crash', 'model'], count);
  if (withLabs) {
    (await Promise.all(installations)).forEach(tally);
    // They wait most of the time: for Nova, for Pacemaker, for guests.
    await Promise.all([runSuites(['labs-cluster'], count), runSuites(['labs-cloud'], count, 'held')]);
  } else {
    for (const { name } of LABS) {
      process.stdout.write(
        `lab ${name}: not run; "npm run test:labs" installs its Debian packages (as root) and runs it\n`,
      );
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
for (const failure of failures) process.stdout.write(`${failure}\n`);
process.stdout.write(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`);
process.exitCode = count.failed > 0 ? 1 : 0;
