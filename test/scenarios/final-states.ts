/** The end of the log of a scenario: how every notification, host and instance was left. */
import type { Stage } from '#agents/simulate/stage.ts';
import type { ScenarioLog } from './scenario-log.ts';

const MOST_NOTIFICATIONS = 1000;

export async function addFinalStates(log: ScenarioLog, { journal, world }: Stage): Promise<void> {
  world.catchUp();
  log.addFinal('\nFinal states');
  const logbooks = await journal.query('list', { limit: MOST_NOTIFICATIONS });
  for (const { id, uuid, type, host, status, message } of logbooks.toReversed()) {
    log.addFinal(`${uuid} ${type} ${host}: ${status}${message === null ? '' : `: ${message}`}`);
    for (const flow of await journal.query('flows', id)) {
      log.addFinal(`  ${flow.uuid} ${flow.name}: ${flow.state}${flow.error === null ? '' : `: ${flow.error}`}`);
    }
  }
  const reserved = new Map((await journal.query('hosts')).map((host) => [host.name, host.reserved]));
  for (const host of world.hosts.values()) {
    const { name, status, disabledReason, forcedDown, isAlive } = host;
    const service = [
      status,
      ...(disabledReason === null ? [] : [`"${disabledReason}"`]),
      ...(forcedDown ? ['forced down'] : []),
    ].join(', ');
    const mark = reserved.get(name);
    const role = mark === undefined ? '' : mark === 1 ? '; reserved' : '; no longer reserved';
    log.addFinal(`host ${name}: ${isAlive ? 'alive' : 'dead'}; ${service}${role}`);
  }
  const { accepted, duplicates } = world.counts;
  for (const { uuid, name, host, vmState, taskState, locked } of world.instances.values()) {
    const words = [vmState, ...(taskState === null ? [] : [taskState]), ...(locked ? ['locked'] : [])].join(', ');
    log.addFinal(`instance ${name}: ${words} on ${host}; evacuations: ${accepted[uuid] ?? 0}`);
  }
  log.addFinal(`evacuations requested while another one was open: ${duplicates}`);
}
