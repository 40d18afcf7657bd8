/** What the engine returns to `list`, `show`, `status`, `audit` and health checks. */
import type { Clock } from '#protocol/clock.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { Log } from '#protocol/log.ts';
import type { AuditView, RecoveryView, StatusView } from '#protocol/views.ts';
import type { Cloud, Instance } from '../cloud/cloud.ts';
import { readInstance } from '../cloud/reading.ts';
import type { Journal } from '../journal/journal.ts';
import type { LogbookRow, LogbookStatus } from '../journal/rows.ts';
import type { BlindMonitors } from './blind-monitors.ts';
import type { ProgressHub } from './progress-notices.ts';
import { RequestRefused } from './request-refused.ts';
import { iso, viewAudit, viewMaintenance, viewNotification, viewPause, viewRecovery } from './views.ts';

/** A monitor that sends a request waits slightly longer than this for the response ([transport] answer_timeout). */
const INSTANCE_TIMEOUT_MS = 10_000;

export interface ReadsParts {
  readonly journal: Journal;
  readonly journalPath: string;
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly log: Log;
  readonly node: string;
  readonly version: string;
  readonly hub: ProgressHub;
  readonly blindMonitors: BlindMonitors;
  /** ms UTC. */
  readonly startedAt: number;
  /** Aborted when the engine stops. */
  readonly signal: AbortSignal;
}

export class Reads {
  readonly #parts: ReadsParts;

  constructor(parts: ReadsParts) {
    this.#parts = parts;
  }

  async list(filter: { readonly limit: number; readonly status?: LogbookStatus }): Promise<readonly LogbookRow[]> {
    return this.#parts.journal.query('list', filter);
  }

  /** The newest entries of the audit, oldest first. @param filter since: ms UTC */
  async listAudit(filter: { readonly limit: number; readonly since?: number }): Promise<readonly AuditView[]> {
    return (await this.#parts.journal.query('audit', filter)).map(viewAudit);
  }

  async show(uuid: string): Promise<RecoveryView> {
    const found = await this.#parts.journal.query('show', uuid);
    if (!found) throw new RequestRefused(`there is no notification ${uuid}`);
    return viewRecovery(found);
  }

  async status(): Promise<StatusView> {
    const { journal, journalPath, cloud, clock, node, version } = this.#parts;
    const { lease, counts, open } = await journal.query('summary');
    return {
      source: 'engine',
      engine: {
        node,
        pid: process.pid,
        epoch: journal.epoch,
        version,
        since: iso(this.#parts.startedAt),
        beat_at: iso(lease?.beat_at ?? this.#parts.startedAt),
        state: lease?.state === 'released' ? 'released' : 'running',
      },
      cloud: cloud.description,
      journal: journalPath,
      counts,
      open: open.map((row) => ({ ...viewNotification(row), instances: this.#parts.hub.instancesOf(row.uuid) })),
      blind_monitors: this.#parts.blindMonitors.list(clock.now()),
      pause: viewPause(await journal.query('pause')),
      maintenance: (await journal.query('maintenances')).map(viewMaintenance),
      taking_over: null,
      written_at: iso(clock.now()),
    };
  }

  /** Writes into the journal under the lease and reads from the cloud; throws an error with the fault. */
  async checkHealth(): Promise<{ readonly epoch: number }> {
    const { journal, cloud } = this.#parts;
    await journal.beat();
    try {
      await cloud.check();
    } catch (error) {
      throw new RequestRefused(`the cloud cannot be used: ${errorMessage(error)}`);
    }
    return { epoch: journal.epoch };
  }

  /** The state of an instance in the cloud, for a monitor that detected its end; `unknown` if the cloud cannot be read. */
  async instance(uuid: string): Promise<Instance | 'not found' | 'unknown'> {
    const { cloud, log } = this.#parts;
    try {
      const signal = AbortSignal.any([this.#parts.signal, AbortSignal.timeout(INSTANCE_TIMEOUT_MS)]);
      const reading = await readInstance(cloud, uuid, { signal, urgency: 'question' });
      if (reading.answer === 'none') throw reading.error;
      return reading.answer === 'yes' ? reading.value : 'not found';
    } catch (error) {
      const reason = errorMessage(error);
      log('debug', 'the cloud could not be read for an instance', { instance: uuid, reason });
      return 'unknown';
    }
  }
}
