/**
 * Runs a program that proves deaths, by the contract of an executable task: JSON on standard input, JSON lines on standard output.
 *
 * Its answer is the output `state`: `dead`, `alive` or `unknown`, with an output `detail` for people. An exit code alone shows nothing: a
 * script that ends early with 0 must not cause an evacuation.
 */
import type { ActGuard } from '#openstack/act-guard.ts';
import type { Log } from '#protocol/log.ts';
import { printableShort } from '#protocol/printable.ts';
import type { Values } from '../flow/plan.ts';
import type { ProofResult, RunProof } from '../recovery/proof-checks.ts';
import { filledIn } from './custom-task.ts';
import type { DriverCall, ProgramContext } from './driver.ts';
import { loadProgramDriver } from './drivers.ts';

const STATES = ['dead', 'alive', 'unknown'] as const;
const LONGEST_DETAIL = 300;

export interface ProofProgramParts {
  readonly log: Log;
  /** An engine that lost its lease starts no program. */
  readonly guard: ActGuard;
}

export function proofRunner({ log, guard }: ProofProgramParts): RunProof {
  return async ({ name, program, host, uuid, attempt, signal }) => {
    const driver = await loadProgramDriver();
    const { task } = program.section;
    const inputs: Values = { host_name: host, notification_uuid: uuid };
    const call: DriverCall<ProgramContext> = {
      task: `proof ${name}`,
      name: `proof ${name}`,
      occurrence: 1,
      phase: 'pre',
      stepKey: `${uuid}/proof ${name}`,
      attempt,
      isResumed: false,
      inputs,
      definition: task,
      ...filledIn(task, inputs),
      outputs: {},
      context: { signal, guard, log, progress: () => {} },
    };
    return resultOf(await driver.run(call));
  };
}

/** @throws if the outputs contain no result */
export function resultOf({ state, detail }: Values): ProofResult {
  const known = STATES.find((one) => one === state);
  if (known === undefined) {
    const what = state === undefined ? 'no output "state"' : `the state ${printableShort(JSON.stringify(state), 60)}`;
    throw new Error(`its program reported ${what}; allowed are ${STATES.join(', ')}`);
  }
  return { state: known, detail: printableShort(typeof detail === 'string' ? detail : 'no detail', LONGEST_DETAIL) };
}
