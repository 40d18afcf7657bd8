/**
 * 200 times kill -9 at random moments, engine after engine, while hosts, instances and processes fail: in the end every
 * recovery is finished, for any point of interruption. `CRASH_SEED` replays the moments of a failure, as far as processes can.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '#engine/cloud/simulated/random.ts';
import { expectOneFlowEach, expectWholeJournal } from './journal-checks.ts';
import { addMix, expectMoved, hostFailure, instanceFailure, processFailure } from './recoveries.ts';
import { Scene } from './scene.ts';

const SEED = Number(process.env.CRASH_SEED ?? 1);
const SCENES = 8;
const KILLS_OF_A_SCENE = 25;
/** One engine of so many ends before it even responds. */
const EARLY_DEATHS = 0.15;
/** One engine of so many may end before the engine has resumed anything. The others do not: on a busy machine few would get that far. */
const IDLE_DEATHS = 0.2;
/** Until the kill, ms: several reads of the cloud, less than a recovery takes. */
const LIFE_MS = [0, 350] as const;

/** Requests come late, but before the wait for them times out (`evacuation_queue_wait` of the scene). */
const STORM = { lostRequests: 0.1, lostReplies: 0.15, lateEvacuations: 0.3, lateMs: [50, 250] } as const;

/** A cloud in which failures happen one after the other, and the monitors that report them until they are acknowledged. */
class Calamity {
  readonly #scene: Scene;
  readonly #random: Random;
  readonly #hosts = new Map<string, ReadonlyMap<string, string>>();
  /** Not acknowledged yet. */
  #unheard: object[] = [];
  readonly acknowledged: string[] = [];
  readonly failedInstances: string[] = [];
  readonly failedProcesses: string[] = [];

  constructor(scene: Scene, random: Random) {
    this.#scene = scene;
    this.#random = random;
    for (const host of ['spare-1', 'spare-2', 'spare-3']) scene.world.addHost(host);
  }

  get reported(): number {
    return this.acknowledged.length + this.#unheard.length;
  }

  /** Two hosts, an instance and a process of other hosts fail at once. */
  strike(): void {
    const { world } = this.#scene;
    for (let n = 0; n < 2; n += 1) {
      const host = `compute-${this.#hosts.size + 1}`;
      world.addHost(host);
      this.#hosts.set(host, addMix(world, host));
      world.kill(host);
      this.#unheard.push(hostFailure(host));
    }
    const { uuid } = world.addInstance('spare-1', { metadata: { HA_Enabled: 'True' } });
    this.failedInstances.push(uuid);
    const host = `process-${this.failedProcesses.length + 1}`;
    world.addHost(host, 0);
    this.failedProcesses.push(host);
    this.#unheard.push(instanceFailure('spare-1', uuid), processFailure(host));
  }

  /** Sends an engine the reports that no engine has acknowledged; stops when the engine dies. */
  async report(engine: ReturnType<Scene['launch']>): Promise<void> {
    for (const notification of this.#unheard) {
      const received = await this.#scene.report(engine, notification);
      if (!received) return;
      this.acknowledged.push(received.notification_uuid);
      this.#unheard = this.#unheard.filter((one) => one !== notification);
    }
  }

  /** Lets one engine live for a random while. Resolves when it is dead. */
  async oneLife(): Promise<void> {
    const engine = this.#scene.launch();
    const isEarly = this.#random.next() < EARLY_DEATHS;
    // The moment of death itself is what this test is about, so time decides and no condition.
    const life = this.#random.between(...LIFE_MS);
    const mayIdle = this.#random.next() < IDLE_DEATHS;
    if (!isEarly) await engine.answers();
    const reported = isEarly ? undefined : this.report(engine);
    if (!isEarly && !mayIdle) await this.#scene.atWork(engine);
    await delay(life);
    engine.kill('SIGKILL');
    const ending = await this.#scene.ended(engine);
    await reported;
    expect(ending, engine.lastWords()).toEqual({ code: null, signal: 'SIGKILL' });
  }

  check(): void {
    const { world } = this.#scene;
    for (const [host, endsAs] of this.#hosts) expectMoved(world, host, endsAs);
    for (const uuid of this.failedInstances) {
      expect(world.requireInstance(uuid)).toMatchObject({ host: 'spare-1', vmState: 'active', taskState: null });
    }
    for (const host of this.failedProcesses) {
      expect(world.hosts.get(host)).toMatchObject({ status: 'disabled', forcedDown: false });
    }
  }
}

/** Lets one more engine live for as long as there is work. */
async function finish(scene: Scene, calamity: Calamity): Promise<void> {
  const engine = scene.launch();
  await calamity.report(engine);
  for (const uuid of calamity.acknowledged) await scene.closed(engine, uuid);
  await scene.stop(engine);
}

beforeAll(() => Scene.warmUp());

const scenes = Array.from({ length: SCENES }, (_, index) => ({
  seed: SEED + index,
  weather: index % 2 === 0 ? 'a calm cloud' : 'a cloud that loses and delays requests and loses responses',
  behaviour: index % 2 === 0 ? {} : STORM,
}));

describe.concurrent(`engines killed at random moments (CRASH_SEED=${SEED})`, () => {
  it.for(scenes)(
    `finish every recovery after ${KILLS_OF_A_SCENE} kills in $weather, seed $seed`,
    async ({ seed, behaviour }) => {
      // A kill between the intent and the call counts as a call: the limits must allow for all of them.
      // Most of its hosts fail: that a gate would hold them is not the subject here.
      const gates = { max_failed_hosts_percent: 100 };
      const options = { engine: { max_resumes: 1000 }, host_failure: { evacuation_retries: 20 }, gates };
      await using scene = await Scene.open({ seed, behaviour: { rebuildMs: [100, 600], ...behaviour }, options });
      const calamity = new Calamity(scene, new Random(seed));
      for (let kills = 0; kills < KILLS_OF_A_SCENE; kills += 1) {
        // Another strike comes before the last one is healed, so that there is always work to be cut off.
        if (kills % 8 === 0) calamity.strike();
        await calamity.oneLife();
      }
      await finish(scene, calamity);
      calamity.check();
      const facts = expectWholeJournal(scene.journalPath, {
        notifications: calamity.reported,
        engines: scene.engines.length,
      });
      expectOneFlowEach(facts);
      // The kills hit recoveries, not pauses between them.
      const resumes = facts.recoveries.flatMap(({ flows }) => flows.map(({ flow }) => flow.resumes));
      expect(resumes.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(KILLS_OF_A_SCENE / 2);
    },
  );
});
