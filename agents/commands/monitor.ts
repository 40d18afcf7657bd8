/** `recovery-agent monitor`: watches hosts, processes, instances and guests, and reports what fails. */

import { hostname } from 'node:os';
import type { Configuration } from '#config/configuration.ts';
import { didYouMean } from '#config/document/nearest.ts';
import { formatProblem } from '#config/document/problem.ts';
import type { EngineOptions } from '#config/options/options.ts';
import { segmentHosts } from '#config/options/segments.ts';
import {
  type CreateMonitor,
  MONITOR_NAMES,
  type Monitor,
  type MonitorName,
  type Observation,
} from '#monitors/service/monitor.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { Log } from '#protocol/log.ts';
import { type Command, type CommandLine, JSON_OPTION } from '../command.ts';
import { configurationOf } from '../configuration.ts';
import { CommandFailure, EXIT, type ExitCode } from '../exit-codes.ts';
import { LOG_LEVEL_OPTION, logLevelOf } from '../log-level.ts';
import { createLogger } from '../logger.ts';
import { MonitorProcess } from '../monitor-process.ts';
import { print, printJson, table } from '../output/output.ts';

/** Upper bound of the single poll of `--once`. */
const POLL_MS = 120_000;

const CREATE: Readonly<Record<MonitorName, () => Promise<CreateMonitor>>> = {
  host: async () => (await import('#monitors/host/monitor.ts')).create,
  process: async () => (await import('#monitors/process/monitor.ts')).create,
  instance: async () => (await import('#monitors/instance/monitor.ts')).create,
  guest: async () => (await import('#monitors/guest/monitor.ts')).create,
};

function isMonitorName(name: string): name is MonitorName {
  return (MONITOR_NAMES as readonly string[]).includes(name);
}

/** Those named on the command line, else those of `[monitors] run`; each once. */
function namesOf(line: CommandLine, options: EngineOptions): readonly MonitorName[] {
  const names = new Set<MonitorName>();
  for (const name of line.positionals) {
    if (!isMonitorName(name)) {
      const hint = didYouMean(name, MONITOR_NAMES) || `; there are ${MONITOR_NAMES.join(', ')}`;
      throw new CommandFailure(EXIT.usage, `there is no monitor "${name}"${hint}`);
    }
    names.add(name);
  }
  if (names.size > 0) return [...names];
  if (options.monitors.run.length === 0) {
    throw new CommandFailure(EXIT.usage, `name a monitor (${MONITOR_NAMES.join(', ')}), or set [monitors] run`);
  }
  return options.monitors.run;
}

async function createAll(
  names: readonly MonitorName[],
  { options, segments }: Configuration,
  node: string,
): Promise<Monitor[]> {
  const monitors: Monitor[] = [];
  for (const name of names) {
    const create = await CREATE[name]();
    try {
      monitors.push(await create(options, node, segments.flatMap(segmentHosts)));
    } catch (error) {
      const reason = errorMessage(error);
      throw new CommandFailure(EXIT.usage, `the ${name} monitor cannot be used: ${reason}`, error);
    }
  }
  return monitors;
}

/** States of the monitor itself, not of the objects that it monitors. */
const GAPS: ReadonlySet<string> = new Set(['blind', 'unwatched', 'unreadable']);

type PollResult =
  | { readonly monitor: MonitorName; readonly sights: readonly Observation[] }
  | { readonly monitor: MonitorName; readonly error: string };

async function pollOnce(monitors: readonly Monitor[], format: 'text' | 'json'): Promise<ExitCode> {
  const signal = AbortSignal.timeout(POLL_MS);
  const results = await Promise.all(
    monitors.map(async (monitor): Promise<PollResult> => {
      try {
        return { monitor: monitor.name, sights: await monitor.poll(signal) };
      } catch (error) {
        return { monitor: monitor.name, error: errorMessage(error) };
      }
    }),
  );
  if (format === 'json') printJson(results);
  else {
    const rows = results.flatMap((result) =>
      'error' in result
        ? [[result.monitor, '', { state: 'blind' }, result.error]]
        : result.sights.map(({ subject, state, detail }) => [result.monitor, subject, { state }, detail]),
    );
    print(table(['Monitor', 'What', 'State', 'Detail'], rows));
  }
  return results.some(hasGap) ? EXIT.failed : EXIT.ok;
}

/** An object that should be monitored is not. */
function hasGap(result: PollResult): boolean {
  return 'error' in result || result.sights.some(({ state }) => GAPS.has(state));
}

function logWarnings(log: Log, { warnings }: Configuration): void {
  for (const warning of warnings) log('warning', formatProblem(warning));
}

async function watch(
  line: CommandLine,
  names: readonly MonitorName[],
  configuration: Configuration,
): Promise<ExitCode> {
  const { options } = configuration;
  const node = options.monitors.hostName || hostname();
  const log = createLogger({ level: logLevelOf(line) ?? options.engine.logLevel });
  logWarnings(log, configuration);
  const monitors = await createAll(names, configuration, node);
  let expected = configuration.segments.flatMap(segmentHosts);
  let monitoring: MonitorProcess;
  try {
    // A monitor that is restarted after a fault expects the same hosts as the others.
    const make = async (name: MonitorName, now: EngineOptions) => (await CREATE[name]())(now, node, expected);
    monitoring = await MonitorProcess.create({ options, monitors, make, node, log, environment: process.env });
  } catch (error) {
    throw new CommandFailure(EXIT.failed, errorMessage(error), error);
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log('info', 'monitors stop', { signal });
      monitoring.stop();
    });
  }
  process.on('SIGHUP', () => {
    try {
      const changed = configurationOf(line);
      logWarnings(log, changed);
      expected = changed.segments.flatMap(segmentHosts);
      void monitoring.reload(changed.options, expected);
    } catch (error) {
      log('error', 'the configuration is invalid; the previous one stays in effect', {
        reason: errorMessage(error),
      });
    }
  });
  log('info', 'monitors run', { node, monitors: names.join(','), outbox: options.monitors.outbox });
  await monitoring.run();
  log('info', 'monitors stopped');
  // Resources of a monitor (a socket, a child that does not end) must not keep the process alive.
  process.exit(EXIT.ok);
}

export const monitor: Command = {
  name: 'monitor',
  summary: 'Watches hosts, processes, instances or guests and reports what fails to the engine',
  positionals: '[host|process|instance|guest ...]',
  options: {
    once: {
      type: 'boolean',
      help: 'print the current states and end; exit code 1 if a monitor or a source is blind, or an expected host unwatched',
    },
    ...JSON_OPTION,
    ...LOG_LEVEL_OPTION,
  },
  maxPositionals: MONITOR_NAMES.length,
  async run(line) {
    const configuration = configurationOf(line);
    const { options } = configuration;
    const names = namesOf(line, options);
    if (line.has('json') && !line.has('once')) throw new CommandFailure(EXIT.usage, '--json goes with --once');
    if (!line.has('once')) return watch(line, names, configuration);
    const monitors = await createAll(names, configuration, options.monitors.hostName || hostname());
    return pollOnce(monitors, line.has('json') ? 'json' : 'text');
  },
};
