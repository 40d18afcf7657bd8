/**
 * Chooses the next flow of a recovery by the recovery method of the host's segment. Pure.
 *
 * A recovery is a sequence of flows. With reserved hosts each one is tried in a flow of its own. Each flow starts from the instances that
 * are still on the failed host, so a flow that moved half of the instances leaves the other half to the next flow.
 */
import type { RecoveryMethod } from '#config/options/segments.ts';
import type { RecoveryKind } from '../journal/host-event.ts';
import { chooseReservedHost } from './reserved-host-choice-decision.ts';

/** The flows for a host that came back. */
export type ReturnFlow = 'host_return' | 'host_reboot';

export type FlowChoice =
  | { readonly flow: 'host_auto' | ReturnFlow | 'instance' | 'process'; readonly reservedHost: null }
  | { readonly flow: 'host_rh'; readonly reservedHost: string };

export type NextFlow =
  | { readonly do: 'run'; readonly choice: FlowChoice }
  /** There is no action for a host that came back. */
  | { readonly do: 'nothing'; readonly status: 'finished' | 'ignored'; readonly reason: string }
  /** Nothing is left to try in this round; `reason` only if no flow ran that has one. */
  | { readonly do: 'fail'; readonly reason: string | null };

/** Flows that run once in a round with any method. */
const SINGLE = { VM: 'instance', PROCESS: 'process' } as const;

const NO_RESERVED_HOSTS = 'No reserved_hosts available for evacuation.';

/**
 * @param tried the flows of this round so far, all of which failed
 * @param returnFlow of a host that came back
 * @param reservedHosts the free ones, in the order of the segment
 */
export function nextFlow(
  kind: RecoveryKind,
  method: RecoveryMethod,
  tried: readonly FlowChoice[],
  reservedHosts: readonly string[],
  returnFlow: ReturnFlow = 'host_return',
): NextFlow {
  if (kind !== 'COMPUTE_HOST') {
    const flow = kind === 'HOST_RETURN' ? returnFlow : SINGLE[kind];
    return tried.length === 0 ? { do: 'run', choice: { flow, reservedHost: null } } : { do: 'fail', reason: null };
  }
  const used = tried.map(({ reservedHost }) => reservedHost);
  const freeHost = chooseReservedHost(reservedHosts, used);
  const auto: FlowChoice | undefined = tried.some(({ flow }) => flow === 'host_auto')
    ? undefined
    : { flow: 'host_auto', reservedHost: null };
  const reserved: FlowChoice | undefined =
    freeHost === undefined ? undefined : { flow: 'host_rh', reservedHost: freeHost };
  const order: Record<RecoveryMethod, readonly (FlowChoice | undefined)[]> = {
    auto: [auto],
    reserved_host: [reserved],
    auto_priority: [auto, reserved],
    rh_priority: [reserved, auto],
  };
  const choice = order[method].find((candidate) => candidate !== undefined);
  if (choice) return { do: 'run', choice };
  return { do: 'fail', reason: tried.length === 0 ? NO_RESERVED_HOSTS : null };
}
