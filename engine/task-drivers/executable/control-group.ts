/**
 * A control group of its own for a program of a task, as a scope of systemd: memory and processes are limited for the program and its
 * children together, and no child can leave it.
 *
 * Invariant: a program is started once. systemd-run(1) makes the scope and then becomes a shell, which reports that on `GATE_DESCRIPTOR`
 * and becomes the program only when it reads `GO` there. Before that the program was not started, and may be started without a scope. If
 * the engine is killed, the shell reads the end and exits.
 */
import { existsSync, readFileSync } from 'node:fs';
import { ownTrust } from '#protocol/trusted-path.ts';
import { type Found, statOf } from './processes.ts';
import { faultOfProgram } from './program-file.ts';

const SYSTEMD_RUN = '/usr/bin/systemd-run';
/** sd_booted(3). */
const BOOTED = '/run/systemd/system';
const SLICE = 'system.slice';
/** cgroup v2, and the places of systemd's own hierarchy beside cgroup v1. */
const MOUNTS = ['/sys/fs/cgroup', '/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified'];

export const GATE_DESCRIPTOR = 3;
export const GO = 'go\n';
/** Variables that systemd-run and the shell put into the environment. */
const ADDED = ['INVOCATION_ID', 'PWD', 'OLDPWD', 'SHLVL', 'go'];
/** The rest of the controller's memory and processors is for the engine, the cluster and other services. */
const PROPERTIES = ['MemoryMax=50%', 'TasksMax=1024', 'CPUWeight=50'];

export function scopeNameOf(run: string): string {
  return `recovery-agent-task-${run}.scope`;
}

/** The command that starts `argv` in a scope of that name; undefined if systemd does not run, or not for this user. */
export function inScope(argv: readonly string[], name: string): readonly string[] | undefined {
  const isUsable =
    process.geteuid?.() === 0 && existsSync(BOOTED) && faultOfProgram(SYSTEMD_RUN, ownTrust()) === undefined;
  return isUsable ? scopeCommand(argv, name) : undefined;
}

/** Pure. */
export function scopeCommand(argv: readonly string[], name: string): readonly string[] {
  const options = ['--scope', '--quiet', '--collect', `--slice=${SLICE}`, `--unit=${name}`];
  const properties = PROPERTIES.map((property) => `--property=${property}`);
  const gate = GATE_DESCRIPTOR;
  const shell = `echo ready >&${gate} && read -r go <&${gate} && unset ${ADDED.join(' ')} && exec "$@" ${gate}>&-`;
  return [SYSTEMD_RUN, ...options, ...properties, '--', '/bin/sh', '-c', shell, 'sh', ...argv];
}

/** The processes in the scope; none if it is gone. */
export function processesIn(name: string): Found[] {
  return MOUNTS.flatMap((mount) => {
    try {
      return readFileSync(`${mount}/${SLICE}/${name}/cgroup.procs`, 'utf8').split('\n').filter(Boolean);
    } catch {
      return [];
    }
  }).flatMap((pid) => {
    const stat = statOf(Number(pid));
    return stat === undefined || stat.isDead ? [] : [{ pid: stat.pid, startedAt: stat.startedAt }];
  });
}
