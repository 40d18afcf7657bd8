/** Files and folders that the configuration names, as they are on this host now: untrusted files and folders, and unusable keys. */

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemPath } from '#config/document/files.ts';
import { errorAt, type Problem } from '#config/document/problem.ts';
import { DEFAULT_OPTIONS, type EngineOptions } from '#config/options/options.ts';
import { HeartbeatKeys } from '#monitors/host/sources/heartbeat/keys.ts';
import { faultOfOutbox } from '#monitors/outbox/outbox-folder.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { readKeyRing } from '#protocol/identity/key-ring-file.ts';
import { readIdentity } from '#protocol/tls-identity.ts';
import { faultOfDirectory, faultOfFile } from '#protocol/trusted-path.ts';

const { hostSources: hostDefaults } = DEFAULT_OPTIONS;

/** A missing file is no fault here: the component that reads it reports it. */
export function placeFaults(options: EngineOptions): readonly Problem[] {
  return [...files(options), ...keys(options), ...folders(options)].flatMap(([option, path, fault]) =>
    fault === undefined ? [] : [errorAt({ file: path, line: 1, column: 1 }, `${option}: ${fault}`)],
  );
}

type Found = readonly [option: string, path: string, fault: string | undefined];

function files({
  cloud,
  nova,
  transport,
  hostMonitor,
  hostSources,
  processMonitor,
  instanceMonitor,
  heartbeat,
  consul,
}: EngineOptions): readonly Found[] {
  const named: readonly (readonly [string, string])[] = [
    ['[cloud] clouds_file', cloud.cloudsFile],
    ['[DEFAULT] nova_ca_certificates_file', nova.novaCaCertificatesFile],
    ['[transport] key_file', transport.keyFile],
    ['[transport] key_ring_file', transport.keyRingFile],
    ['[transport] ca_file', transport.caFile],
    ['[transport] certificate_file', transport.certificateFile],
    ['[transport] certificate_key_file', transport.certificateKeyFile],
    ['[host] inventory', hostSources.inventory],
    ['[host] matrix_config_file', hostMonitor.matrixConfigFile],
    ['[host] ipmitool', hostSources.ipmitool],
    ['[process] process_list_path', processMonitor.processListPath],
    ['[host] state_file', hostMonitor.stateFile],
    ['[process] state_file', processMonitor.stateFile],
    ['[libvirt] state_file', instanceMonitor.stateFile],
    ['[heartbeat] key_file', heartbeat.keyFile],
    ['[consul] token_file', consul.tokenFile],
  ];
  return named.flatMap(([option, path]): Found[] => {
    const real = systemPath(path);
    return path !== '' && path !== hostDefaults.ipmitool && existsSync(real) ? [[option, path, faultOfFile(real)]] : [];
  });
}

/** Keys that their readers would refuse although no other user can change them: readable for others, damaged, shared by all nodes. */
function keys({ transport, heartbeat }: EngineOptions): readonly Found[] {
  const { keyFile, keyRingFile } = transport;
  const readers: readonly (readonly [string, string, () => unknown])[] = [
    ['[transport] key_file', keyFile, () => readIdentity(transport)],
    ['[transport] key_ring_file', keyRingFile, () => readKeyRing(keyRingFile)],
    ['[heartbeat] key_file', heartbeat.keyFile, () => new HeartbeatKeys({ heartbeat, transport })],
  ];
  return readers.flatMap(([option, path, read]): Found[] => {
    if (path === '' || !existsSync(path) || faultOfFile(path) !== undefined) return [];
    try {
      read();
      return [];
    } catch (error) {
      return [[option, path, errorMessage(error)]];
    }
  });
}

/** Folders that the package creates are not checked. */
function folders({ journal, monitors }: EngineOptions): readonly Found[] {
  const outbox: Found[] =
    monitors.outbox === DEFAULT_OPTIONS.monitors.outbox
      ? []
      : [['[monitors] outbox', monitors.outbox, faultOfOutbox(monitors.outbox)]];
  if (journal.path === DEFAULT_OPTIONS.journal.path) return outbox;
  const folder = dirname(journal.path);
  const file = existsSync(journal.path) ? faultOfFile(journal.path) : undefined;
  return [
    ['[journal] path', journal.path, file ?? (existsSync(folder) ? faultOfDirectory(folder) : undefined)],
    ...outbox,
  ];
}
