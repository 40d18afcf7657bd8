/** The internal command of the resource agent that reads the lease of a journal: see ocf/lease-witness.ts. */
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Configuration } from '#config/configuration.ts';
import { CONFIGURATION_FILES, type FileContent, readConfigurationFile, systemPath } from '#config/document/files.ts';
import { loadConfiguration } from '#config/load.ts';
import { readOwner } from '#engine/journal/lease.ts';
import { identifyProcess, lifeOf, MACHINE_FILES } from '#engine/journal/process-identity.ts';
import { JournalReader } from '#engine/journal/reader.ts';
import type { LeaseWitness } from '#ocf/lease-witness.ts';

/** As `[engine] lease_timeout` by default: of a configuration that cannot be read nothing else is known. */
const DEFAULT_LEASE_TIMEOUT_MS = 30_000;

/** A stop fails for no mode of a file: nothing is run or believed here, and only a journal is read. */
function readIfPossible(path: string): FileContent | undefined {
  const content = readConfigurationFile(path);
  return content && { bytes: content.bytes, mode: content.mode };
}

function configurationAt(config: string): Configuration | undefined {
  try {
    const mainFile = config !== '' && existsSync(config) ? config : undefined;
    return loadConfiguration({ mainFile, ...CONFIGURATION_FILES, readFile: readIfPossible });
  } catch {
    return undefined;
  }
}

function witnessOf(journal: string, leaseTimeout: number): LeaseWitness {
  const folder = dirname(journal);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return { is: 'no folder', folder };
  // Opening a pipe would wait for a writer for ever.
  if (!statSync(journal, { throwIfNoEntry: false })?.isFile()) return { is: 'nothing' };
  const reader = new JournalReader(journal);
  try {
    const { lease } = reader.query('summary');
    if (!lease) return { is: 'nothing' };
    const owner = readOwner(lease.owner);
    return {
      is: 'lease',
      node: lease.node,
      pid: lease.pid,
      state: lease.state,
      life: lifeOf(lease, identifyProcess(lease.node, MACHINE_FILES.map(systemPath))),
      isExact: owner.processStart !== undefined,
      resource: owner.resource ?? null,
      age: Date.now() - lease.beat_at,
      leaseTimeout,
    };
  } finally {
    reader.close();
  }
}

/** Prints the lease of the journal as JSON. Prints nothing if the journal is missing or cannot be read now. */
export function printLease([config = '', given = '']: readonly string[]): void {
  const configuration = configurationAt(config);
  const journal = given || configuration?.options.journal.path;
  if (!journal) return;
  const leaseTimeout = configuration?.options.engine.leaseTimeoutMs ?? DEFAULT_LEASE_TIMEOUT_MS;
  try {
    process.stdout.write(JSON.stringify(witnessOf(journal, leaseTimeout)));
  } catch {
    // No journal, no witness.
  }
}
