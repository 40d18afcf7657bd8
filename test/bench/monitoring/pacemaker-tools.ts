/**
 * Stand-ins for the tools with which monitors query Pacemaker and corosync: they print captured samples of a healthy cluster,
 * and count their calls. A real crm_mon costs more than they do, on both sides.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SAMPLES = fileURLToPath(new URL('../../fixtures/pacemaker/all-online', import.meta.url));

/** What each does after it has counted; in the words of sh. */
const TOOLS: Readonly<Record<string, string>> = {
  crm_mon: `exec cat '${SAMPLES}/crm_mon.xml'`,
  cibadmin: `exec cat '${SAMPLES}/cib.xml'`,
  crmadmin: 'echo "Controller on $2 in state S_IDLE: ok"',
  // The real one waits for a packet of corosync.
  tcpdump: 'exit 0',
  // A full cluster node.
  systemctl: 'case $2 in corosync | pacemaker) exit 0 ;; esac; exit 3',
};

/** Writes them into a folder. */
export function writeTools(folder: string): void {
  for (const [name, does] of Object.entries(TOOLS)) {
    const script = `#!/bin/sh\necho ${name} >>'${folder}/asked'\n${does}\n`;
    writeFileSync(join(folder, name), script, { mode: 0o755 });
  }
  writeFileSync(join(folder, 'asked'), '');
}

/** The number of calls of all of them. */
export function timesQueried(folder: string): number {
  return readFileSync(join(folder, 'asked'), 'latin1').split('\n').length - 1;
}
