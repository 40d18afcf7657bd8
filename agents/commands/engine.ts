/** `recovery-agent engine`: the resident process that owns the journal. */

import { hostname } from 'node:os';
import { systemPath } from '#config/document/files.ts';
import { JournalFailure } from '#engine/journal/failure.ts';
import { Journal } from '#engine/journal/journal.ts';
import { MACHINE_FILES } from '#engine/journal/process-identity.ts';
import { Engine } from '#engine/service/engine.ts';
import { proofRunner } from '#engine/task-drivers/proof-program.ts';
import { tasksOf } from '#engine/tasks/registry.ts';
import { realClock } from '#protocol/clock.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { RPC_ERRORS, RpcError } from '#protocol/json-rpc.ts';
import { faultCode, mayPass } from '#protocol/passing-fault.ts';
import { isAlive, readProcessFile, removeProcessFile, writeProcessFile } from '#protocol/process-file.ts';
import { type Method, RpcServer } from '#protocol/server.ts';
import { SocketInUse, SocketUnusable } from '#protocol/socket-path.ts';
import { AddressUnusable } from '#protocol/tls-server.ts';
import { loadChecked } from '../checked-configuration.ts';
import { prepareCloud } from '../cloud.ts';
import type { Command, CommandLine } from '../command.ts';
import { configurationOf, givenPath } from '../configuration.ts';
import { tryRightsEarly } from '../early-rights.ts';
import { engineMethods } from '../engine-methods.ts';
import { CommandFailure, EXIT, type ExitCode } from '../exit-codes.ts';
import { fencingCheck } from '../fencing-check.ts';
import { keepKeyFloor } from '../key-floor.ts';
import { LOG_LEVEL_OPTION, logLevelOf } from '../log-level.ts';
import { createLogger } from '../logger.ts';
import { EXIT_OF_FAILURE, exitAtOnce } from '../lost-lease.ts';
import { ReportLimits } from '../report-limits.ts';
import { HOW_CONFIGURATION_IS_TAKEN, stopRequested } from '../signals.ts';
import { closeReport } from '../start-report.ts';
import { engineAdmission, listenForHosts, tryAddresses } from '../tls-listeners.ts';
import { VERSION } from '../version.ts';

/** A full disk, a busy file and the like may be temporary; any other error is permanent. */
function exitOf(error: unknown, lasting: ExitCode): ExitCode {
  return mayPass(error) ? EXIT.failed : lasting;
}

/** Throws `CommandFailure`. */
function takeProcessFile(path: string): void {
  const other = readProcessFile(path);
  if (other && isAlive(other)) {
    throw new CommandFailure(EXIT.held, `an engine already runs on this node (pid ${other.pid}, process file ${path})`);
  }
  try {
    writeProcessFile(path);
  } catch (error) {
    const reason = errorMessage(error);
    const exit = exitOf(error, EXIT.noStorage);
    throw new CommandFailure(exit, `the process file ${path} cannot be written: ${reason}`, error);
  }
  process.once('exit', () => removeProcessFile(path));
}

/** Listens on the unix socket. Throws `CommandFailure` for what the system refuses. */
async function listenHere(socket: string, methods: Readonly<Record<string, Method>>): Promise<RpcServer> {
  try {
    return await RpcServer.listen(socket, methods);
  } catch (error) {
    if (error instanceof SocketInUse || error instanceof SocketUnusable || faultCode(error) === undefined) throw error;
    const reason = errorMessage(error);
    throw new CommandFailure(exitOf(error, EXIT.noStorage), `the socket ${socket} cannot be made: ${reason}`, error);
  }
}

/** No secret gets into a core dump, the umask of the caller does not change the modes of the engine's files, and a file size limit is an error that is logged. */
function becomeIndependent(): void {
  process.umask(0o022);
  process.on('SIGXFSZ', () => {});
}

async function serve(line: CommandLine): Promise<ExitCode> {
  becomeIndependent();
  const configuration = configurationOf(line, (file) => loadChecked(file, 'warn'));
  const { options } = configuration;
  const threshold = { level: logLevelOf(line) ?? options.engine.logLevel };
  const log = createLogger(threshold);
  for (const { file, line: at, column, message } of configuration.warnings)
    log('warning', `${file}:${at}:${column}: ${message}`);
  const connectCloud = prepareCloud(configuration, log);
  const admitted = engineAdmission(options, log);
  const identity = admitted?.admission;
  const checkFencing = fencingCheck(options);
  const stopRequest = stopRequested();
  process.on('SIGHUP', () => log('warning', HOW_CONFIGURATION_IS_TAKEN));
  const node = line.text('node') ?? (options.engine.node || hostname());
  const journalPath = givenPath(line, 'journal') ?? options.journal.path;
  const socket = givenPath(line, 'socket') ?? options.engine.socket;
  const resource = line.text('resource');
  const processFile = givenPath(line, 'pid-file');
  if (processFile) takeProcessFile(processFile);
  let engine: Engine | undefined;
  const openedSince = new Date().toISOString();
  const activeEngine = (): Engine => {
    if (engine) return engine;
    const who = `the engine on ${node} (pid ${process.pid})`;
    throw new RpcError(RPC_ERRORS.starting, `${who} has waited for the journal ${journalPath} since ${openedSince}`);
  };
  // Before the lease is taken: an engine that cannot be reached must not start to recover.
  await tryAddresses(options, identity);
  const methods = engineMethods(activeEngine, threshold, new ReportLimits(options.transport));
  const servers = [await listenHere(socket, methods)];
  const early = new AbortController();
  let rightsTried: Promise<void> | undefined;
  const closeServers = () => Promise.all(servers.map((server) => server.close()));
  log('info', 'journal is being opened', { node, journal: journalPath });
  let journal: Journal | undefined;
  try {
    const opening = Journal.open(
      {
        ...options.journal,
        path: journalPath,
        node,
        leaseTimeoutMs: options.engine.leaseTimeoutMs,
        machineFiles: MACHINE_FILES.map(systemPath),
        authority: line.has('take-over') ? 'cluster' : 'none',
        ...(resource ? { resource } : {}),
      },
      realClock,
    );
    // It may have to wait for a lock or for a lease to run out.
    journal = await Promise.race([opening, stopRequest.then(() => undefined)]);
    if (!journal) {
      log('info', 'stop requested before the journal was open', { node });
      await closeServers();
      process.exit(EXIT.ok);
    }
    for (const warning of journal.warnings) log('warning', warning);
    log('info', 'lease taken', { node, epoch: journal.epoch, journal: journalPath, reason: journal.reason });
    const cloud = connectCloud(journal);
    engine = new Engine({
      journal,
      journalPath,
      cloud,
      clock: realClock,
      configuration,
      taskOf: tasksOf((task) => configuration.customTasks.get(task)?.task),
      log,
      node,
      version: VERSION,
      ...(checkFencing ? { checkFencing } : {}),
      runProof: proofRunner({ log, guard: journal }),
    });
    if (admitted?.ring) await keepKeyFloor({ journal, ring: admitted.ring, clock: realClock }, early.signal);
    servers.push(...(await listenForHosts(options, identity, methods, log)));
    closeReport();
    log('info', 'engine serves', { socket, cloud: cloud.description, version: VERSION });
    // The built-in cloud has no rights to check.
    if (options.cloud.driver === 'openstack') {
      const onHosts = engine.takeHostNames.bind(engine);
      rightsTried = tryRightsEarly({ configuration, cloud, clock: realClock, log, signal: early.signal, onHosts });
    }
  } catch (error) {
    await closeServers();
    await engine?.stop();
    throw error;
  }

  try {
    const signal = await Promise.race([stopRequest, engine.ended.then(() => 'ended' as const)]);
    log('info', 'engine stops', { signal });
    early.abort();
    await rightsTried;
    await closeServers();
    await engine.stop();
    log('info', 'engine stopped; open recoveries stay in the journal', { node, epoch: journal.epoch });
    return EXIT.ok;
  } catch (error) {
    return exitAtOnce(error, log);
  }
}

export const engine: Command = {
  name: 'engine',
  summary: 'Runs the resident engine: owns the journal, accepts notifications, runs the recoveries',
  positionals: '',
  options: {
    journal: { type: 'string', value: 'PATH', help: 'the journal (default: [journal] path)' },
    socket: { type: 'string', value: 'PATH', help: 'the unix socket to listen on (default: [engine] socket)' },
    node: { type: 'string', value: 'NAME', help: "this node's name (default: [engine] node, else the host name)" },
    'pid-file': { type: 'string', value: 'PATH', help: 'file for the process ID' },
    resource: { type: 'string', value: 'NAME', help: 'the cluster resource for which the engine runs' },
    ...LOG_LEVEL_OPTION,
    'take-over': {
      type: 'boolean',
      help: 'take the lease at once, unless another resource holds it: the cluster has stopped or fenced its holder',
    },
  },
  maxPositionals: 0,
  async run(line) {
    try {
      return await serve(line);
    } catch (error) {
      if (error instanceof JournalFailure)
        throw new CommandFailure(exitOf(error, EXIT_OF_FAILURE[error.kind]), error.message, error);
      if (error instanceof SocketInUse) throw new CommandFailure(EXIT.held, error.message, error);
      if (error instanceof SocketUnusable)
        throw new CommandFailure(exitOf(error, EXIT.noStorage), error.message, error);
      if (error instanceof AddressUnusable) throw new CommandFailure(EXIT.failed, error.message, error);
      throw error;
    }
  },
};
