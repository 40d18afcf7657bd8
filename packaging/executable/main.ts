/**
 * First lines of the executable. Only what the cluster asks every few seconds is here, on built-in modules; everything else is a
 * part that is loaded when it is needed.
 */
import type { Command } from '#agents/command.ts';
import { runProgram } from '#agents/program.ts';
import { VERSION } from '#agents/version.ts';
import { PROCESS_COMMAND, PROCESS_PART } from '#engine/tasks/custom/module/parts.ts';
import { OcfFailure } from '#ocf/codes.ts';
import { ocfAction } from '#ocf/invocation.ts';
import { metaData } from '#ocf/meta-data.ts';
import { monitor } from '#ocf/monitor.ts';
import { readParameters } from '#ocf/parameters.ts';
import { loadPart } from './assets.ts';

/**
 * Variables that could make this root-owned program, or a child of it, load or write something else. Node reads some of them
 * before this line; the units and the agent's own children do without them.
 */
const UNWANTED = [
  'NODE_OPTIONS',
  'NODE_PATH',
  'NODE_V8_COVERAGE',
  'NODE_COMPILE_CACHE',
  'NODE_REDIRECT_WARNINGS',
  'NODE_EXTRA_CA_CERTS',
  'NODE_TLS_REJECT_UNAUTHORIZED',
  'NODE_REPL_EXTERNAL_MODULE',
  'OPENSSL_CONF',
  'OPENSSL_MODULES',
  'OPENSSL_ENGINES',
  'LD_PRELOAD',
  'LD_LIBRARY_PATH',
  'LD_AUDIT',
];

/** Depth 0, without loading the rest of the agent. */
async function quickMonitor(): Promise<void> {
  try {
    const { code, reason } = await monitor(readParameters(process.env), 0);
    if (reason) process.stderr.write(`recovery-agent monitor: ${reason}\n`);
    process.exit(code);
  } catch (error) {
    if (!(error instanceof OcfFailure)) throw error;
    process.stderr.write(`recovery-agent monitor: ${error.message}\n`);
    process.exit(error.code);
  }
}

async function main(): Promise<void> {
  for (const name of UNWANTED) delete process.env[name];
  if (process.env.CRM_alert_kind !== undefined) {
    // Pacemaker's alert agent: see monitors/host/pacemaker/alert.ts.
    const { runAlert } = loadPart('alert') as typeof import('#monitors/host/pacemaker/alert.ts');
    return await runAlert(process.env);
  }
  const argv = process.argv.slice(2);
  if (argv[0] === PROCESS_COMMAND) {
    // An engine of ours started us for a task that is a module: see engine/tasks/custom/module/process.ts.
    const { runModuleProcess } = loadPart(PROCESS_PART) as typeof import('#engine/tasks/custom/module/process.ts');
    return runModuleProcess();
  }
  const action = ocfAction(process.argv0, argv, process.env);
  if (action === 'meta-data') {
    process.stdout.write(metaData(VERSION));
  } else if (action === 'monitor' && !process.env.OCF_CHECK_LEVEL) {
    await quickMonitor();
  } else if (action !== undefined) {
    const { runResourceAgent } = loadPart('resource-agent') as typeof import('#agents/resource-agent.ts');
    await runResourceAgent(action, [process.execPath]);
  } else {
    await runProgram(argv, async (name) => loadPart(name)[name] as Command);
  }
}

void main();
