/** How every notification, host and instance was left at the end of a scenario. */
import type { NotificationStatus } from '#protocol/notification-status.ts';
import type { Stage } from '../simulate/stage.ts';
import type { Names } from './names.ts';

const MOST_NOTIFICATIONS = 10_000;

export interface FinalNotification {
  /** `notification-1`, as in the log. */
  readonly name: string;
  readonly type: string;
  readonly host: string;
  readonly status: NotificationStatus;
  readonly message: string | null;
  /** Why it waits; null: it does not. */
  readonly parked: string | null;
  readonly flows: readonly {
    readonly name: string;
    readonly flow: string;
    readonly state: string;
    readonly error: string | null;
  }[];
}

export interface FinalHost {
  readonly name: string;
  readonly isAlive: boolean;
  readonly status: string;
  readonly disabledReason: string | null;
  readonly forcedDown: boolean;
  /** Undefined: the engine knows no such host. */
  readonly reserved: boolean | undefined;
}

export interface FinalInstance {
  readonly name: string;
  readonly host: string | null;
  readonly vmState: string;
  readonly taskState: string | null;
  readonly locked: boolean;
  /** Evacuations that the cloud accepted. */
  readonly evacuations: number;
  /** The engine has requested a change of it. */
  readonly isTouched: boolean;
}

export interface FinalStates {
  readonly notifications: readonly FinalNotification[];
  readonly hosts: readonly FinalHost[];
  readonly instances: readonly FinalInstance[];
  /** Evacuations that were requested while another one of the same instance was open. */
  readonly duplicates: number;
}

/** @param touched uuids of the instances that the engine has requested a change of */
export async function finalStates(stage: Stage, names: Names, touched: ReadonlySet<string>): Promise<FinalStates> {
  const { world, journal } = stage;
  world.catchUp();
  const marks = new Map((await journal.query('hosts')).map((host) => [host.name, host.reserved]));
  const { accepted, duplicates } = world.counts;
  return {
    notifications: await notificationsAtEnd(stage, names),
    hosts: [...world.hosts.values()].map(({ name, isAlive, status, disabledReason, forcedDown }) => {
      const mark = marks.get(name);
      return {
        name,
        isAlive,
        status,
        disabledReason,
        forcedDown,
        reserved: mark === undefined ? undefined : mark === 1,
      };
    }),
    instances: [...world.instances.values()].map(({ uuid, name, host, vmState, taskState, locked }) => {
      const evacuations = accepted[uuid] ?? 0;
      return { name, host, vmState, taskState, locked, evacuations, isTouched: touched.has(uuid) };
    }),
    duplicates,
  };
}

async function notificationsAtEnd({ journal }: Stage, names: Names): Promise<readonly FinalNotification[]> {
  const found: FinalNotification[] = [];
  const textOf = (text: string | null): string | null => (text === null ? null : names.in(text));
  for (const row of (await journal.query('list', { limit: MOST_NOTIFICATIONS })).toReversed()) {
    const flows = await journal.query('flows', row.id);
    found.push({
      name: names.in(row.uuid),
      type: row.type,
      host: row.host,
      status: row.status,
      message: textOf(row.message),
      parked: row.parked_reason === null ? textOf(row.parked_by) : names.in(row.parked_reason),
      flows: flows.map(({ uuid, name, state, error }) => ({
        name: names.in(uuid),
        flow: name,
        state,
        error: textOf(error),
      })),
    });
  }
  return found;
}

/** One line for each. */
export function describeStates({ notifications, hosts, instances }: FinalStates): readonly string[] {
  return [
    ...notifications.flatMap(({ name, type, host, status, message, flows }) => [
      `${name} ${type} ${host}: ${status}${message === null ? '' : `: ${message}`}`,
      ...flows.map((one) => `  ${one.name} ${one.flow}: ${one.state}${one.error === null ? '' : `: ${one.error}`}`),
    ]),
    ...hosts.map(describeHost),
    ...instances.map(({ name, host, vmState, taskState, locked, evacuations }) => {
      const words = [vmState, ...(taskState === null ? [] : [taskState]), ...(locked ? ['locked'] : [])].join(', ');
      return `instance ${name}: ${words} on ${host}; evacuations: ${evacuations}`;
    }),
  ];
}

function describeHost({ name, isAlive, status, disabledReason, forcedDown, reserved }: FinalHost): string {
  const service = [
    status,
    ...(disabledReason === null ? [] : [`"${disabledReason}"`]),
    ...(forcedDown ? ['forced down'] : []),
  ].join(', ');
  const role = reserved === undefined ? '' : reserved ? '; reserved' : '; no longer reserved';
  return `host ${name}: ${isAlive ? 'alive' : 'dead'}; ${service}${role}`;
}

/** Equal states, counted. */
export function countStates({ notifications, hosts, instances }: FinalStates): readonly string[] {
  const alive = new Set(hosts.filter(({ isAlive }) => isAlive).map(({ name }) => name));
  return counted([
    ...notifications.map(({ type, status }) => `notifications of type ${type}, ${status}`),
    ...hosts.map(({ isAlive, status, forcedDown }) =>
      [`hosts ${isAlive ? 'alive' : 'dead'}`, status, ...(forcedDown ? ['forced down'] : [])].join(', '),
    ),
    ...instances.map(
      ({ host, vmState, evacuations }) =>
        `instances ${vmState} on a host that is ${alive.has(host ?? '') ? 'alive' : 'dead'}, evacuations: ${evacuations}`,
    ),
  ]);
}

function counted(texts: readonly string[]): readonly string[] {
  return [...Map.groupBy(texts, (text) => text)].map(([text, all]) => `${all.length} ${text}`);
}
