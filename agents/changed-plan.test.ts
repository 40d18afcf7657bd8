/** An engine resumes a plan that was changed in the journal: real processes, and the journal edited as by an attacker. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { NotificationView, RecoveryView } from '#protocol/views.ts';
import { EngineWorld } from '#test/world/engine-world.ts';

const DOWN = ['--hostname', 'c1', '--event', 'STOPPED', '--host-status', 'NORMAL'];

function tasks(command: string): string {
  return `[taskflow_driver_recovery_flows]
host_auto_failure_recovery_tasks = pre:['alert'],main:['prepare_HA_enabled_instances_task'],post:['evacuate_instances_task']
[alert]
driver = executable
command = ${command}
after_crash = idempotent
`;
}

/** An engine is killed while its task runs; the uuid of the recovery. */
async function killedInTask(here: EngineWorld): Promise<string> {
  const engine = await here.engine();
  here.world.kill('c1');
  const { notification_uuid } = await here.json<NotificationView>('notify', ...DOWN);
  await expect
    .poll(async () => (await here.json<RecoveryView>('show', notification_uuid)).flows[0]?.tasks[0]?.state, {
      timeout: 20_000,
    })
    .toBe('RUNNING');
  await engine.kill('SIGKILL');
  return notification_uuid;
}

async function untilOver(here: EngineWorld, uuid: string): Promise<RecoveryView> {
  const show = () => here.json<RecoveryView>('show', uuid);
  await expect.poll(async () => (await show()).notification.status, { timeout: 20_000 }).not.toMatch(/^(new|running)$/);
  return show();
}

describe('a plan that is resumed', { timeout: 120_000 }, () => {
  it('runs no command that was written into the journal', async () => {
    await using here = await EngineWorld.start({ configuration: tasks('/bin/sleep 60') });
    const proof = join(here.directory, 'proof');
    const uuid = await killedInTask(here);
    const db = new Database(here.journal);
    db.exec('DROP TRIGGER flowdetails_plan_is_frozen');
    const rows = db.prepare('SELECT id, plan FROM flowdetails').all() as { id: number; plan: string }[];
    for (const { id, plan } of rows) {
      const changed = JSON.parse(plan);
      for (const { custom } of changed.tasks) if (custom) custom.options.command = ['/bin/touch', proof];
      db.prepare('UPDATE flowdetails SET plan = ? WHERE id = ?').run(JSON.stringify(changed), id);
    }
    db.close();
    await here.engine(['--node', 'controller-2', '--take-over']);
    const { notification } = await untilOver(here, uuid);
    expect(notification.message).toMatch(/task "alert" was planned with another definition .*\("command"\)/);
    expect(existsSync(proof)).toBe(false);
  });

  it('is in doubt after the operator changed the definition, and a retry makes a new plan', async () => {
    await using here = await EngineWorld.start({ configuration: tasks('/bin/sleep 60') });
    const uuid = await killedInTask(here);
    const file = readFileSync(here.configFile, 'utf8');
    writeFileSync(here.configFile, file.replace('/bin/sleep 60', '/bin/true'));
    await here.engine(['--node', 'controller-2', '--take-over']);
    const { notification } = await untilOver(here, uuid);
    expect(notification.message).toMatch(/task "alert" was planned with another definition/);
    expect(here.world.counts.accepted).toEqual({});
    expect((await here.run(['retry', uuid, '--wait'])).code).toBe(0);
    expect((await untilOver(here, uuid)).notification.status).toBe('finished');
  });
});
