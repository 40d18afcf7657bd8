/** The resource agent: one action, one exit code. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Action } from './action.ts';
import { OCF, type OcfCode, OcfFailure } from './codes.ts';
import { metaData } from './meta-data.ts';
import { monitor } from './monitor.ts';
import { type Parameters, readParameters } from './parameters.ts';
import { askEngine } from './ping.ts';
import { start } from './start.ts';
import { stop } from './stop.ts';

export interface AgentCall extends Action {
  readonly action: string;
  readonly version: string;
  readonly print: (text: string) => void;
  /** Reads the configuration as the engine would. Throws with every problem in its message. */
  readonly checkConfiguration: (file: string | undefined) => void;
}

const USAGE = 'usage: recovery-agent {start|stop|monitor|reload-agent|validate-all|meta-data}';

/** Whether the cluster only asks what is here, without having started anything. */
function isProbe({ action, environment }: AgentCall): boolean {
  return action === 'monitor' && environment.OCF_RESKEY_CRM_meta_interval === '0';
}

function validate(parameters: Parameters, call: AgentCall): void {
  const { config, journal } = parameters;
  const isDefault = config === '/etc/recovery-agent/recovery-agent.conf';
  if (!isDefault && !existsSync(config)) throw new OcfFailure(OCF.ERR_INSTALLED, `${config} does not exist`);
  try {
    call.checkConfiguration(existsSync(config) ? config : undefined);
  } catch (error) {
    throw new OcfFailure(OCF.ERR_CONFIGURED, error instanceof Error ? error.message : String(error));
  }
  if (journal !== '' && !existsSync(dirname(journal))) {
    throw new OcfFailure(OCF.ERR_INSTALLED, `${dirname(journal)} does not exist; is the shared storage mounted?`);
  }
}

async function reload(parameters: Parameters): Promise<void> {
  const answer = await askEngine(parameters.socket, 'set_log_level', 10_000, { level: parameters.log_level });
  if (answer.is === 'absent') throw new OcfFailure(OCF.NOT_RUNNING, 'no engine runs here');
  if (answer.is === 'silent') throw new OcfFailure(OCF.ERR_GENERIC, answer.reason);
}

async function act(call: AgentCall): Promise<OcfCode> {
  if (call.action === 'meta-data') {
    call.print(metaData(call.version));
    return OCF.SUCCESS;
  }
  if (call.action === 'usage' || call.action === 'help') {
    call.print(`${USAGE}\n`);
    return OCF.SUCCESS;
  }
  const parameters = readParameters(call.environment);
  switch (call.action) {
    case 'start':
      validate(parameters, call);
      await start(parameters, call);
      return OCF.SUCCESS;
    case 'stop':
      await stop(parameters, call);
      return OCF.SUCCESS;
    case 'monitor': {
      const depth = Number(call.environment.OCF_CHECK_LEVEL || 0);
      const { code, reason } = await monitor(parameters, isProbe(call) ? 0 : depth);
      if (reason) call.log(reason);
      return code;
    }
    case 'validate-all':
      validate(parameters, call);
      return OCF.SUCCESS;
    case 'reload-agent':
    case 'reload':
      await reload(parameters);
      return OCF.SUCCESS;
    default:
      call.log(`${USAGE}; not "${call.action}"`);
      return OCF.ERR_UNIMPLEMENTED;
  }
}

export async function runAgent(call: AgentCall): Promise<OcfCode> {
  try {
    return await act(call);
  } catch (error) {
    if (error instanceof OcfFailure) {
      call.log(error.message);
      return error.code;
    }
    call.log(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return OCF.ERR_GENERIC;
  }
}
