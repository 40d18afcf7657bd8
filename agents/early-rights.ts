/** At the start of an engine: tries the rights that recoveries will need, and logs a line for each that is missing. */
import type { Configuration } from '#config/configuration.ts';
import type { Cloud, HostNamesList } from '#engine/cloud/cloud.ts';
import { checkRights } from '#engine/rights/check-rights.ts';
import { needsOf } from '#engine/rights/required-rights.ts';
import type { RightFound, RightState } from '#engine/rights/right.ts';
import type { Clock } from '#protocol/clock.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { Log } from '#protocol/log.ts';

/** Between two tries of a cloud that does not respond, ms. */
const AGAIN_MS = 60_000;

export interface EarlyRights {
  readonly configuration: Configuration;
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Gets the names of Nova's hosts when they were read. */
  readonly onHosts: (hosts: HostNamesList) => void;
}

/**
 * Delays no recovery: the calls yield to those of recoveries, and the engine serves meanwhile. Resolves when everything was tried, or the
 * signal is aborted; does not reject.
 */
export async function tryRightsEarly(parts: EarlyRights): Promise<void> {
  const { configuration, cloud, clock, log, signal } = parts;
  const call = { signal, urgency: 'question' } as const;
  let needs = needsOf(configuration);
  try {
    for (let isFirst = true; ; isFirst = false) {
      const { rights, hosts } = await checkRights({ cloud, needs, requested: 'roles', call });
      if (hosts) parts.onHosts(hosts);
      const isSilent = rights[0]?.verdict === 'unknown';
      if (isFirst || !isSilent) logAll(rights, log);
      if (!isSilent) return;
      // The mail servers have been tried.
      needs = { ...needs, mailServers: [] };
      await clock.sleep(AGAIN_MS, signal);
    }
  } catch (error) {
    if (signal.aborted) return;
    log('warning', 'rights not checked', { reason: errorMessage(error) });
  }
}

function logAll(found: readonly RightFound[], log: Log): void {
  for (const one of found) logRight(one, log);
  const count = (wanted: RightState): number => found.filter(({ verdict: state }) => state === wanted).length;
  log('info', 'rights tried', { allowed: count('allowed'), refused: count('refused'), unknown: count('unknown') });
}

function logRight({ right, verdict: state, reason }: RightFound, log: Log): void {
  const isFine = state === 'allowed' || state === 'untried';
  log(isFine ? 'debug' : 'warning', `right ${state}: ${right}`, { reason });
}
