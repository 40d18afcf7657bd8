/**
 * Numbers of libvirt's protocol and interface, named as libvirt names them.
 * Sources: src/rpc/virnetprotocol.x, src/rpc/virkeepaliveprotocol.x, src/remote/remote_protocol.x,
 * src/remote/qemu_protocol.x, include/libvirt/libvirt-domain.h, include/libvirt/virterror.h of libvirt 9.0.
 */

export const REMOTE_PROGRAM = 0x20008086;
export const QEMU_PROGRAM = 0x20008087;
export const KEEPALIVE_PROGRAM = 0x6b656570;
export const PROTOCOL_VERSION = 1;

export const MESSAGE_TYPE = { call: 0, reply: 1, message: 2 } as const;
export const MESSAGE_STATUS = { ok: 0, error: 1 } as const;
export const KEEPALIVE = { ping: 1, pong: 2 } as const;

export const PROCEDURE = {
  open: 1,
  domainGetXmlDesc: 14,
  supportsFeature: 60,
  authList: 66,
  domainGetState: 212,
  domainGetControlInfo: 229,
  domainGetMetadata: 265,
  registerEvent: 316,
  getAllDomainStats: 344,
} as const;

/** Of the program `QEMU_PROGRAM`. */
export const QEMU_PROCEDURE = { agentCommand: 3 } as const;

/** The procedures of the server's events, and the id with which each is subscribed to (virDomainEventID). */
export const EVENTS = {
  lifecycle: { procedure: 318, id: 0 },
  reboot: { procedure: 319, id: 1 },
  watchdog: { procedure: 321, id: 3 },
  ioError: { procedure: 322, id: 4 },
  ioErrorReason: { procedure: 324, id: 6 },
  controlError: { procedure: 325, id: 7 },
} as const;

export const FEATURE_PROGRAM_KEEPALIVE = 10;
export const CONNECT_READ_ONLY = 1;
export const METADATA_ELEMENT = 2;

/** virDomainStatsTypes */
export const STATS = { state: 1, ioThread: 1 << 7 } as const;
/** virConnectGetAllDomainStatsFlags: a domain that is busy with another call is skipped instead of waited for. */
export const STATS_NOWAIT = 1 << 29;

/** remote_auth_type */
export const AUTH = { none: 0, sasl: 1, polkit: 2 } as const;

/** virErrorNumber */
export const ERROR_CODE = {
  noDomain: 42,
  noDomainMetadata: 80,
  agentUnresponsive: 86,
  agentUnsynced: 97,
  agentCommandTimeout: 112,
} as const;

/** virDomainState */
export const STATE = {
  noState: 0,
  running: 1,
  blocked: 2,
  paused: 3,
  shutdown: 4,
  shutoff: 5,
  crashed: 6,
  pmSuspended: 7,
} as const;

/** virDomainPausedReason */
export const PAUSED = { ioError: 5, watchdog: 6, crashed: 10 } as const;

/** virDomainShutoffReason */
export const SHUTOFF = { unknown: 0, crashed: 3, failed: 6, daemon: 8 } as const;

/** virDomainEventType */
export const LIFECYCLE = {
  defined: 0,
  undefined: 1,
  started: 2,
  suspended: 3,
  resumed: 4,
  stopped: 5,
  shutdown: 6,
  pmSuspended: 7,
  crashed: 8,
} as const;

/** virDomainEventSuspendedDetailType */
export const SUSPENDED = { ioError: 2, watchdog: 3, apiError: 6 } as const;

/** virDomainEventStoppedDetailType */
export const STOPPED = { crashed: 2, failed: 5 } as const;

/** virDomainEventIOErrorAction */
export const IO_ERROR_ACTION = { report: 2 } as const;

/** virDomainState and its reasons in the words of `virsh domstate --reason` (tools/virsh-domain-monitor.c). */
const STATE_WORDS: Readonly<Record<number, readonly [word: string, reasons: readonly string[]]>> = {
  0: ['no state', ['unknown']],
  1: [
    'running',
    [
      'unknown',
      'booted',
      'migrated',
      'restored',
      'from snapshot',
      'unpaused',
      'migration canceled',
      'save canceled',
      'event wakeup',
      'crashed',
      'post-copy',
    ],
  ],
  2: ['idle', ['unknown']],
  3: [
    'paused',
    [
      'unknown',
      'user',
      'migrating',
      'saving',
      'dumping',
      'I/O error',
      'watchdog',
      'from snapshot',
      'shutting down',
      'creating snapshot',
      'crashed',
      'starting up',
      'post-copy',
      'post-copy failed',
    ],
  ],
  4: ['in shutdown', ['unknown', 'user']],
  5: [
    'shut off',
    ['unknown', 'shutdown', 'destroyed', 'crashed', 'migrated', 'saved', 'failed', 'from snapshot', 'daemon'],
  ],
  6: ['crashed', ['unknown', 'panicked']],
  7: ['pmsuspended', ['unknown']],
};

/** E.g. `shut off (crashed)`. */
export function stateWords(state: number, reason: number): { readonly state: string; readonly reason: string } {
  const [word, reasons] = STATE_WORDS[state] ?? [`state ${state}`, []];
  return { state: word, reason: reasons[reason] ?? `reason ${reason}` };
}
