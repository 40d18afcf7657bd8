/** The resource agent: one action, one exit code, and one reason for a failure. */

import { existsSync } from 'node:fs';
import { errorMessage } from '#protocol/error-message.ts';
import type { Action } from './action.ts';
import { OCF, type OcfCode, OcfFailure } from './codes.ts';
import { readLease } from './lease-witness.ts';
import { metaData } from './meta-data.ts';
import { monitor } from './monitor.ts';
import { DEFAULT_CONFIG, readParameters } from './parameters.ts';
import { callEngine } from './ping.ts';
import { printReason } from './reason.ts';
import { cloneFault, type Resource, resourceName } from './resource.ts';
import { refuseSharing, start } from './start.ts';
import { stop } from './stop.ts';

export interface AgentCall extends Action {
  readonly action: string;
  readonly version: string;
  readonly print: (text: string) => void;
  /** Reads the configuration as the engine would. Throws with every problem in its message. */
  readonly checkConfiguration: (file: string | undefined) => void;
}

const USAGE = 'usage: recovery-agent {start|stop|monitor|validate-all|meta-data}';

/** True if the cluster only checks whether the engine runs here, without having started it; a person's call is the same. */
function isProbe({ OCF_RESKEY_CRM_meta_interval: interval }: Action['environment']): boolean {
  return !interval || Number(interval) === 0;
}

/** The resource as the cluster configured it. Throws `OcfFailure` (configured) for a fault that is the same on every node. */
function requireRight({ environment }: AgentCall): Resource {
  const { parameters, faults } = readParameters(environment);
  const [fault = cloneFault(environment)] = faults;
  if (fault !== undefined) throw new OcfFailure(OCF.ERR_CONFIGURED, fault);
  const resource = { name: resourceName(environment), parameters };
  refuseSharing(resource);
  return resource;
}

/** Throws `OcfFailure` (installed): the files belong to this node, and another node may have the right ones. */
function requireConfiguration({ parameters: { config } }: Resource, call: AgentCall): void {
  const isThere = existsSync(config);
  if (config !== DEFAULT_CONFIG && !isThere) throw new OcfFailure(OCF.ERR_INSTALLED, `${config} does not exist`);
  try {
    call.checkConfiguration(isThere ? config : undefined);
  } catch (error) {
    throw new OcfFailure(OCF.ERR_INSTALLED, errorMessage(error));
  }
}

/** The rest of `validate-all`; a start leaves it to the engine. */
async function requireJournal({ name, parameters }: Resource, call: AgentCall): Promise<void> {
  const lease = await readLease(call.program, parameters);
  if (lease.is === 'no folder')
    throw new OcfFailure(OCF.ERR_INSTALLED, `there is no directory ${lease.folder}; is the shared storage mounted?`);
  if (lease.is === 'nothing') return;
  const isOfAnother = lease.resource !== null && name !== undefined && lease.resource !== name;
  const lives = lease.life === 'alive' || (lease.life === 'not visible' && lease.age < lease.leaseTimeout);
  if (lease.state !== 'held' || !isOfAnother || !lives) return;
  const reason = `the journal is held by the engine of resource ${lease.resource} on ${lease.node}; give each its own`;
  throw new OcfFailure(OCF.ERR_CONFIGURED, reason);
}

async function monitorAction(resource: Resource, call: AgentCall): Promise<OcfCode> {
  const probe = isProbe(call.environment);
  const depth = Number(call.environment.OCF_CHECK_LEVEL || 0);
  const { code, reason } = await monitor(resource, call.program, { depth: probe ? 0 : depth });
  const isExpected = code === OCF.SUCCESS || (code === OCF.NOT_RUNNING && probe);
  if (!isExpected) throw new OcfFailure(code, reason ?? 'the engine is not running');
  if (reason !== null) call.log(reason);
  return code;
}

async function reload({ parameters: { socket, log_level } }: Resource): Promise<void> {
  const answer = await callEngine(socket, 'set_log_level', 10_000, { level: log_level });
  if (answer.is === 'absent') throw new OcfFailure(OCF.NOT_RUNNING, 'the engine is not running');
  if (answer.is === 'silent') throw new OcfFailure(OCF.ERR_GENERIC, answer.reason);
}

async function act(call: AgentCall): Promise<OcfCode> {
  const { environment } = call;
  /** Only the valid parameters: these actions must not fail because of parameters that they do not need. */
  const asFarAsRight = (): Resource => ({
    name: resourceName(environment),
    parameters: readParameters(environment).parameters,
  });
  switch (call.action) {
    case 'meta-data':
      call.print(metaData(call.version));
      return OCF.SUCCESS;
    case 'usage':
    case 'help':
      call.print(`${USAGE}\n`);
      return OCF.SUCCESS;
    case 'stop':
      await stop(asFarAsRight(), call);
      return OCF.SUCCESS;
    case 'monitor':
      return await monitorAction(asFarAsRight(), call);
    case 'start': {
      const resource = requireRight(call);
      requireConfiguration(resource, call);
      await start(resource, call);
      return OCF.SUCCESS;
    }
    case 'validate-all': {
      const resource = requireRight(call);
      requireConfiguration(resource, call);
      await requireJournal(resource, call);
      return OCF.SUCCESS;
    }
    // Not in the metadata, since Pacemaker does not use it; for a person who needs another log level at once.
    case 'reload-agent':
      await reload(requireRight(call));
      return OCF.SUCCESS;
    default:
      throw new OcfFailure(OCF.ERR_UNIMPLEMENTED, `there is no action "${call.action}"; ${USAGE}`);
  }
}

/** Never throws; a failure is reported in one line before the return. */
export async function runAgent(call: AgentCall): Promise<OcfCode> {
  process.umask(0o022);
  try {
    return await act(call);
  } catch (error) {
    if (error instanceof OcfFailure) {
      printReason(error.message);
      return error.code;
    }
    call.log(error instanceof Error ? (error.stack ?? error.message) : String(error));
    printReason(`internal error: ${errorMessage(error)}`);
    return OCF.ERR_GENERIC;
  }
}
