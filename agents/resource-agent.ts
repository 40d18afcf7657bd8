/** Runs the program as the resource agent `ocf:openstack:recovery-agent`. */
import { runAgent } from '#ocf/agent.ts';
import { loadToRun } from './checked-configuration.ts';
import { VERSION } from './version.ts';

/** @param program how to run this program again as an engine: the executable and its first arguments */
export async function runResourceAgent(action: string, program: readonly [string, ...string[]]): Promise<void> {
  process.exitCode = await runAgent({
    action,
    program,
    version: VERSION,
    environment: process.env,
    print: (text) => process.stdout.write(text),
    // The cluster's executor reads stderr and logs it under the resource's name.
    log: (message) => process.stderr.write(`recovery-agent ${action}: ${message}\n`),
    checkConfiguration: (file) => {
      loadToRun(file);
    },
  });
}
