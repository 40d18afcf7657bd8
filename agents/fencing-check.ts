/**
 * The second witness of a fencing: the state of the host in Pacemaker on the engine's own node.
 *
 * Why: a report proves nothing by itself. A watcher that is compromised or mistaken would cause the evacuation of a running host.
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { EngineOptions } from '#config/options/options.ts';
import type { FencingCheck } from '#engine/service/acceptance.ts';
import type { Fact, Source } from '#monitors/host/sources/source.ts';
import { errorMessage } from '#protocol/error-message.ts';

/** For both of Pacemaker's tools, when the cluster is busy with the failure. */
const POLL_MS = 15_000;
/** The node that reports may know of a fencing earlier: cluster nodes exchange their histories, and the record is written after it. */
const AGAIN_MS: readonly number[] = [500, 2_000];

/** Undefined if the configuration accepts fencings as reported. */
export function fencingCheck(options: EngineOptions): FencingCheck | undefined {
  if (options.hostFailure.fencingProof === 'reported') return undefined;
  return checkBy(async () =>
    (await import('#monitors/host/sources/pacemaker/source.ts')).createPacemakerSource(options),
  );
}

/** @param open made once, when the first fencing is reported */
export function checkBy(open: () => Promise<Source>): FencingCheck {
  let source: Promise<Source> | undefined;
  let checking: Promise<readonly Fact[]> | undefined;
  const readFacts = async (): Promise<readonly Fact[]> => {
    source ??= open();
    return (await source).poll(AbortSignal.timeout(POLL_MS));
  };
  /** Why Pacemaker shows no fencing of the host; undefined: it shows one. */
  const once = async (isMeant: (host: string) => boolean): Promise<string | undefined> => {
    try {
      // Reports that arrive together share one query.
      checking ??= readFacts().finally(() => {
        checking = undefined;
      });
      const fact = (await checking).find(({ host }) => isMeant(host));
      if (fact === undefined) return 'Pacemaker on this node does not know the host';
      if (fact.state === 'down' && (fact.proof === 'fenced' || fact.proof === 'operator')) return undefined;
      return `Pacemaker on this node does not show that it was fenced: ${fact.detail}`;
    } catch (error) {
      return `Pacemaker on this node could not be read: ${errorMessage(error)}`;
    }
  };
  return async (isMeant) => {
    let reason = await once(isMeant);
    for (const waitMs of AGAIN_MS) {
      if (reason === undefined) break;
      await delay(waitMs);
      reason = await once(isMeant);
    }
    return reason;
  };
}
