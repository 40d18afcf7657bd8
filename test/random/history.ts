/** A random history as plain data: the cloud, the configuration and what happens when. It can be printed, replayed and shortened. */

export interface PlannedInstance {
  readonly uuid: string;
  readonly host: string;
  readonly project: string;
  /** Marked by HA_Enabled. */
  readonly isMarked: boolean;
  readonly vmState: 'active' | 'stopped' | 'paused' | 'error';
}

/** The configuration; names and units as in `config/options`. */
export interface Choices {
  readonly method: 'auto' | 'reserved_host' | 'auto_priority' | 'rh_priority';
  readonly evacuateAll: boolean;
  readonly processAll: boolean;
  readonly evacuationsInFlight: number;
  readonly requests: number;
  readonly evacuationRetries: number;
  readonly maxFailedHostsPercent: number;
  readonly minFailedHosts: number;
  readonly maxHosts: number;
  readonly maxHostsIntervalSeconds: number;
  readonly maxInstancesOfHost: number;
  readonly startupGraceSeconds: number;
  /** The second witness of a fencing that another node reports: it is not consulted, it confirms, or it does not confirm. */
  readonly secondWitness: 'none' | 'confirms' | 'silent';
}

/** One report of a monitor. It is delivered at least once until an engine acknowledges it. */
export interface PlannedReport {
  /** Reports of one reporter are delivered in their order. */
  readonly reporter: string;
  /** From the detection to the first delivery. */
  readonly delaySeconds: number;
  /** How far the reporter's clock is ahead. */
  readonly aheadSeconds: number;
  readonly proof: 'none' | 'fencing';
  /** Deliveries of the same report. */
  readonly copies: number;
}

interface Reported {
  readonly reports: readonly PlannedReport[];
}

export type Happening =
  | ({ readonly kind: 'host dies'; readonly host: string } & Reported)
  | ({ readonly kind: 'host returns'; readonly host: string; readonly isEnabledAgain: boolean } & Reported)
  /** Reports of the death of a host that has power, and whose nova-compute reports to Nova. */
  | ({ readonly kind: 'false alarm'; readonly host: string; readonly status: 'NORMAL' | 'UNKNOWN' } & Reported)
  /** A host that runs its guests and that no other host reaches: Nova shows it as down. Monitors report host_status UNKNOWN. */
  | ({ readonly kind: 'host isolated'; readonly host: string; readonly lastsSeconds: number } & Reported)
  | ({ readonly kind: 'instance crashes'; readonly uuid: string } & Reported)
  | ({ readonly kind: 'process fails'; readonly host: string } & Reported)
  | { readonly kind: 'nova'; readonly trouble: NovaTrouble; readonly lastsSeconds: number }
  /** `atAwait`: the number of calls and commits after which it happens; with an idle engine it happens a minute later. */
  | { readonly kind: 'engine killed'; readonly atAwait: number; readonly awaySeconds: number }
  /** It is frozen, another one takes over after `awaySeconds`, and it continues `zombieSeconds` later. */
  | {
      readonly kind: 'engine frozen';
      readonly atAwait: number;
      readonly awaySeconds: number;
      readonly zombieSeconds: number;
    }
  | { readonly kind: 'clock jumps'; readonly toSeconds: number }
  | {
      readonly kind: 'operator';
      readonly command: 'pause' | 'unpause' | 'approve' | 'retry';
      readonly forSeconds: number | null;
    };

export type NovaTrouble =
  | 'away'
  | 'slow'
  | 'loses requests'
  | 'loses responses'
  | 'late evacuations'
  | 'failed evacuations';

export type TimedHappening = { readonly atSeconds: number } & Happening;

export interface RandomHistory {
  readonly seed: number;
  readonly hosts: readonly string[];
  /** Reserved hosts of the only segment; used with a recovery method that uses them. */
  readonly reserved: readonly string[];
  readonly instances: readonly PlannedInstance[];
  readonly choices: Choices;
  /** In the order of time. */
  readonly events: readonly TimedHappening[];
}

/** The text of `recovery-agent.conf`. */
export function configurationOf({ hosts, reserved, choices }: RandomHistory): string {
  const segment =
    choices.method === 'auto'
      ? []
      : [
          '[failover_segment all]',
          `hosts = ${hosts.join(', ')}`,
          `reserved_hosts = ${reserved.join(', ')}`,
          `recovery_method = ${choices.method}`,
        ];
  return [
    '[DEFAULT]',
    'verify_interval = 2',
    `host_failure_recovery_threads = ${choices.requests}`,
    '[engine]',
    'beat_interval = 300',
    'lease_timeout = 900',
    '[host_failure]',
    `evacuate_all_instances = ${choices.evacuateAll}`,
    `max_evacuations_in_flight = ${choices.evacuationsInFlight}`,
    `evacuation_retries = ${choices.evacuationRetries}`,
    '[instance_failure]',
    `process_all_instances = ${choices.processAll}`,
    '[gates]',
    `max_failed_hosts_percent = ${choices.maxFailedHostsPercent}`,
    `min_failed_hosts = ${choices.minFailedHosts}`,
    `max_hosts = ${choices.maxHosts}`,
    `max_hosts_interval = ${choices.maxHostsIntervalSeconds}`,
    `max_instances_of_host = ${choices.maxInstancesOfHost}`,
    `startup_grace = ${choices.startupGraceSeconds}`,
    ...segment,
  ].join('\n');
}

/** For a person: one line for each part, the events last. */
export function describe({ seed, hosts, reserved, instances, choices, events }: RandomHistory): string[] {
  const chosen = Object.entries(choices).map(([name, value]) => `${name}=${value}`);
  return [
    `history of seed ${seed}`,
    `hosts: ${hosts.join(', ')}; reserved: ${reserved.join(', ')}`,
    ...instances.map(
      ({ uuid, host, project, isMarked, vmState }) =>
        `instance ${uuid} on ${host}: ${vmState}, project ${project}${isMarked ? ', HA_Enabled' : ''}`,
    ),
    `options: ${chosen.join(' ')}`,
    ...events.map(({ atSeconds, kind, ...rest }) => `${String(atSeconds).padStart(6)} s ${kind}: ${described(rest)}`),
  ];
}

function described(values: object): string {
  return Object.entries(values)
    .map(([name, value]) =>
      name === 'reports' ? (value as PlannedReport[]).map(reported).join('; ') : `${name} ${value}`,
    )
    .join(', ');
}

function reported({ reporter, delaySeconds, aheadSeconds, proof, copies }: PlannedReport): string {
  const ahead = aheadSeconds === 0 ? '' : ` with its clock ${aheadSeconds} s ahead`;
  return `${reporter} reports it after ${delaySeconds} s${ahead}, proof ${proof}, ${copies} times`;
}
