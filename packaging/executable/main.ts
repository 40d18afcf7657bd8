/**
 * First lines of the executable. Only the actions that the cluster runs every few seconds are here, on built-in modules; all other
 * code is in parts that are loaded on demand.
 */
import { commandOf } from '#agents/command-table.ts';
import { runProgram } from '#agents/program.ts';
import { VERSION } from '#agents/version.ts';
import { PROCESS_COMMAND, PROCESS_PART } from '#engine/task-drivers/module/parts.ts';
import { runAgent } from '#ocf/agent.ts';
import { isAlertCall, ocfAction } from '#ocf/invocation.ts';
import { WITNESS_COMMAND } from '#ocf/lease-witness.ts';
import { writeLine, writeText } from '#ocf/reason.ts';
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

/** Only a check of the configuration loads more than is here. */
async function actAsAgent(action: string): Promise<void> {
  const code = await runAgent({
    action,
    program: [process.execPath],
    version: VERSION,
    environment: process.env,
    // Without a stream, because creating one costs more than the response.
    print: (text) => writeText(1, text),
    // The cluster's executor reads stderr and logs it under the resource's name.
    log: (message) => writeLine(`recovery-agent ${action}: ${message}`),
    checkConfiguration: (file) => {
      const { checkConfiguration } = loadPart('resource-agent') as typeof import('#agents/resource-agent.ts');
      checkConfiguration(file);
    },
  });
  // Work that still waits, e.g. for storage that hangs, does not delay the response.
  process.exit(code);
}

async function main(): Promise<void> {
  for (const name of UNWANTED) delete process.env[name];
  const argv = process.argv.slice(2);
  const action = ocfAction(process.argv0, argv);
  if (action !== undefined) return await actAsAgent(action);
  if (isAlertCall(argv, process.env)) {
    // Pacemaker's alert agent: see monitors/host/sources/pacemaker/alert.ts.
    const { runAlert } = loadPart('alert') as typeof import('#monitors/host/sources/pacemaker/alert.ts');
    return await runAlert(process.env);
  }
  if (argv[0] === WITNESS_COMMAND) {
    // An action of the resource agent started us.
    const { printLease } = loadPart('lease-witness') as typeof import('#agents/lease-witness.ts');
    return printLease(argv.slice(1));
  }
  if (argv[0] === PROCESS_COMMAND) {
    // An engine of ours started us for a task that is a module: see engine/task-drivers/module/process.ts.
    const { runModuleProcess } = loadPart(PROCESS_PART) as typeof import('#engine/task-drivers/module/process.ts');
    return runModuleProcess();
  }
  await runProgram(argv, async (name) => commandOf(name, loadPart(name)));
}

void main();
