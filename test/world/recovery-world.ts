/**
 * A whole engine on a simulated cloud and a simulated clock, with a real journal file, in this process: for tests that are
 * about what the engine does and not about processes.
 */
import { Stage } from '#agents/simulate/stage.ts';
import { loadConfiguration } from '#config/load.ts';
import { readCustomTask } from '#config/pipelines/custom-tasks.ts';
import { SimulatedClock } from '#engine/clock/simulated.ts';
import type { Behaviour } from '#engine/cloud/simulated/world.ts';
import type { RunProof } from '#engine/recovery/proof-checks.ts';
import type { FencingCheck } from '#engine/service/acceptance.ts';
import { customTask } from '#engine/task-drivers/custom-task.ts';
import type { LoadDriver } from '#engine/task-drivers/driver.ts';
import { loadDriver } from '#engine/task-drivers/drivers.ts';
import { BUILT_IN_TASKS } from '#engine/tasks/registry.ts';
import { CLOSED_STATUSES } from '#protocol/notification-status.ts';
import type { RecoveryView } from '#protocol/views.ts';

export interface WorldSettings {
  readonly seed?: number;
  readonly behaviour?: Partial<Behaviour>;
  /** The text of a configuration file. */
  readonly configuration?: string;
  /** What carries out custom tasks; without it the real drivers. */
  readonly drivers?: LoadDriver;
  /** The second witness of a fencing; without it a report is enough. */
  readonly checkFencing?: FencingCheck;
  /** Runs the programs that prove deaths; without it none runs. */
  readonly runProof?: RunProof;
}

export class RecoveryWorld extends Stage<SimulatedClock> {
  readonly logged: string[];

  constructor({
    seed = 1,
    behaviour = {},
    configuration = '',
    drivers = loadDriver,
    checkFencing,
    runProof,
  }: WorldSettings = {}) {
    const logged: string[] = [];
    super({
      ...(checkFencing ? { checkFencing } : {}),
      ...(runProof ? { runProof } : {}),
      clock: new SimulatedClock(),
      seed,
      behaviour,
      configuration: loadConfiguration({
        mainFile: 'test.conf',
        definitions: { files: [], read: readCustomTask },
        readFile: (path) => (path === 'test.conf' ? { bytes: Buffer.from(configuration), mode: 0o600 } : undefined),
      }),
      taskOf: (planned) => customTask(planned, drivers) ?? BUILT_IN_TASKS.get(planned.name),
      logOf: () => (level, message, fields) => logged.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`),
    });
    this.logged = logged;
  }

  /** COMMITs of the journal so far. */
  commits(): Promise<number> {
    return this.journal.commits();
  }

  /** Reports a host as failed, as a monitor with proof does. Returns the notification's uuid. */
  async hostFails(host: string, payload: Record<string, string> = {}): Promise<string> {
    this.world.kill(host);
    return this.notify({
      type: 'COMPUTE_HOST',
      hostname: host,
      payload: { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL', ...payload },
    });
  }

  /** The host has power again, and a monitor reports it. Returns the notification's uuid. */
  async hostReturns(host: string): Promise<string> {
    this.world.comeBack(host);
    return this.notify({
      type: 'COMPUTE_HOST',
      hostname: host,
      payload: { event: 'STARTED', cluster_status: 'ONLINE', host_status: 'NORMAL' },
    });
  }

  /** Runs the clock until the recovery has one of these states, and shows it. */
  async until(uuid: string, ...states: string[]): Promise<RecoveryView> {
    const wanted: readonly string[] = states.length > 0 ? states : CLOSED_STATUSES;
    const reached = async (): Promise<RecoveryView> => {
      for (;;) {
        const view = await this.engine.reads.show(uuid);
        if (wanted.includes(view.notification.status)) return view;
        await this.clock.sleep(500);
      }
    };
    return this.clock.run(reached());
  }
}
