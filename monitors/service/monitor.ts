/**
 * What a monitor is to the process that runs it, and that process to a monitor.
 *
 * A monitor sees and reports; it repairs nothing but the processes of its own list. What it reports is durable once
 * `report` has resolved, so it may forget it then and not before.
 */
import type { EngineOptions } from '#config/options.ts';
import type { ReportedProof } from '#protocol/death-proof.ts';
import type { Log } from '#protocol/log.ts';
import type { NotificationBody } from '#protocol/notification.ts';

export const MONITOR_NAMES = ['host', 'process', 'instance', 'guest'] as const;
export type MonitorName = (typeof MONITOR_NAMES)[number];

/** One line of what a monitor sees: a host, a process, an instance. */
export interface Sight {
  /** What it is about, e.g. a host name, a process name, an instance's UUID. */
  readonly subject: string;
  /** One word, e.g. `up`, `suspected`, `dead`, `unknown`, `running`, `crashed`. */
  readonly state: string;
  /** Where that comes from and what proves it; may be empty. */
  readonly detail: string;
}

/** Whether what a report said is still so: an old report is asked for before it is sent. */
export type Recheck = 'still' | 'over' | 'unknown';

export interface MonitorContext {
  /** The name of this host, as Nova has it. */
  readonly node: string;
  readonly log: Log;
  /** Aborted when the monitor has to end. */
  readonly signal: AbortSignal;
  /**
   * Resolves when the notification lies durably in the outbox; from there it is delivered whatever happens.
   * @param proof of a death, as the monitor itself saw it; left out: none
   */
  report(body: NotificationBody, proof?: ReportedProof): Promise<void>;
  /**
   * What Nova says of an instance, asked of the engine; undefined when no engine can be asked or it does not know.
   * Never throws.
   */
  askInstance(uuid: string): Promise<InstanceFacts | undefined>;
  /** The monitor has just seen all that it watches. */
  seen(): void;
  /** It cannot see; said each time it tried. Blind for too long is reported by the process that runs it. */
  blind(reason: string): void;
}

/** An instance as Nova has it. Source: GET /servers/{id} with OS-EXT-STS and OS-EXT-SRV-ATTR. */
export interface InstanceFacts {
  /** `not found` when Nova knows no such instance. */
  readonly status: 'found' | 'not found';
  /** The compute host; null while it has none. */
  readonly host: string | null;
  readonly vmState: string | null;
  readonly taskState: string | null;
}

export interface Monitor {
  readonly name: MonitorName;
  /** A monitor that has not seen for longer than this is blind. Milliseconds. */
  readonly blindAfterMs: number;
  /** Watches until the signal; throws only for what waiting cannot mend. */
  run(context: MonitorContext): Promise<void>;
  /** One look, for `--once`; throws when nothing can be seen. */
  look(signal: AbortSignal): Promise<readonly Sight[]>;
  /**
   * Of its own reports, before one that waited long is sent; also asked of a monitor that does not run, for the reports of
   * another process. Never throws.
   */
  recheck(body: NotificationBody, askInstance?: MonitorContext['askInstance'], proof?: ReportedProof): Promise<Recheck>;
  /** Takes over changed options and files; throws, and leaves everything as it was, when they are wrong. */
  reload(options: EngineOptions): Promise<void>;
}

/** How a monitor is made: by file `monitors/NAME/monitor.ts`. Throws when the options cannot be right. */
export type CreateMonitor = (options: EngineOptions, node: string) => Promise<Monitor>;
