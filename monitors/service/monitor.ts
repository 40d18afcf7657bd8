/**
 * The interface between a monitor and the process that runs it.
 *
 * A monitor detects and reports; it restarts only the processes of its own list. Its report is durable once `report` has
 * resolved. The monitor may forget the failure then and not before.
 */
import type { EngineOptions } from '#config/options/options.ts';
import type { ReportedProof } from '#protocol/death-proof.ts';
import type { Log } from '#protocol/log.ts';
import type { NotificationBody } from '#protocol/notification.ts';

export const MONITOR_NAMES = ['host', 'process', 'instance', 'guest'] as const;
export type MonitorName = (typeof MONITOR_NAMES)[number];

/** One line of a monitor's poll: a host, a process or an instance. */
export interface Observation {
  /** The object, e.g. a host name, a process name, an instance's UUID. */
  readonly subject: string;
  /** One word, e.g. `up`, `suspected`, `dead`, `unknown`, `running`, `crashed`. */
  readonly state: string;
  /** The origin of the state and its proof; may be empty. */
  readonly detail: string;
}

/** Whether the failure of a report still holds; checked before an old report is sent. */
export type Recheck = 'still' | 'over' | 'unknown';

export interface MonitorContext {
  /** The name of this host, as Nova has it. */
  readonly node: string;
  readonly log: Log;
  /** Aborted when the monitor has to end. */
  readonly signal: AbortSignal;
  /**
   * Resolves when the notification is durable in the outbox; the outbox then delivers it in any case.
   * @param proof of a death, as the monitor itself detected it; left out: none
   */
  report(body: NotificationBody, proof?: ReportedProof): Promise<void>;
  /**
   * Nova's facts about an instance, requested from the engine; undefined if no engine responds or it does not know them.
   * Never throws.
   */
  queryInstance(uuid: string): Promise<InstanceFacts | undefined>;
  /** The monitor has just read everything that it watches. */
  seen(): void;
  /** A poll failed; called for each failed poll. The process that runs the monitor reports a monitor that is blind for too long. */
  blind(reason: string): void;
}

/** An instance as Nova has it. Source: GET /servers/{id} with OS-EXT-STS and OS-EXT-SRV-ATTR. */
export interface InstanceFacts {
  /** `not found` if Nova has no such instance. */
  readonly status: 'found' | 'not found';
  /** The compute host; null while it has none. */
  readonly host: string | null;
  readonly vmState: string | null;
  readonly taskState: string | null;
}

export interface Monitor {
  readonly name: MonitorName;
  /** A monitor whose last successful poll is older than this is blind. Milliseconds. */
  readonly blindAfterMs: number;
  /** Watches until the signal. Throws only for errors that a retry cannot cure. */
  run(context: MonitorContext): Promise<void>;
  /** One poll, for `--once`; throws if nothing can be read. */
  poll(signal: AbortSignal): Promise<readonly Observation[]>;
  /**
   * Checks a report of this kind of monitor before a report that waited long is sent. Also called on a monitor that does not
   * run, for the reports of another process. Never throws.
   */
  recheck(
    body: NotificationBody,
    queryInstance?: MonitorContext['queryInstance'],
    proof?: ReportedProof,
  ): Promise<Recheck>;
  /** Applies changed options and files. If they are invalid it throws and changes nothing. */
  reload(options: EngineOptions, segmentHosts?: readonly string[]): Promise<void>;
}

/**
 * Creates a monitor, in the file `monitors/NAME/monitor.ts`. Throws if the options are invalid.
 * @param segmentHosts hosts of the failover segments in the configuration, for the monitor that watches hosts
 */
export type CreateMonitor = (
  options: EngineOptions,
  node: string,
  segmentHosts?: readonly string[],
) => Promise<Monitor>;
