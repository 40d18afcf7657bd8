/**
 * One custom task in a flow of its own: real journal, real clock, real driver, simulated cloud. For tests of drivers that
 * speak to real servers and programs.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseDocument } from '#config/document/document.ts';
import { formatProblem, type Problem } from '#config/document/problem.ts';
import { DEFAULT_OPTIONS } from '#config/options/options.ts';
import { taskSettings } from '#config/options/task-settings.ts';
import { readCustomTask } from '#config/pipelines/custom-tasks.ts';
import { readTaskPolicy } from '#config/pipelines/task-policies.ts';
import { directLink, SimulatedCloud } from '#engine/cloud/simulated/client.ts';
import { World } from '#engine/cloud/simulated/world.ts';
import { Budget } from '#engine/flow/budget.ts';
import { type FlowOutcome, Interrupted } from '#engine/flow/outcome.ts';
import type { Json, Plan, PlannedTask } from '#engine/flow/plan.ts';
import { FlowRunner } from '#engine/flow/runner.ts';
import { Journal } from '#engine/journal/journal.ts';
import type { FlowSnapshot } from '#engine/journal/mutations.ts';
import type { AtomRow, EventRow, StepRow } from '#engine/journal/rows.ts';
import { customTask } from '#engine/task-drivers/custom-task.ts';
import { loadDriver } from '#engine/task-drivers/drivers.ts';
import { builtInTask } from '#engine/tasks/registry.ts';
import { realClock } from '#protocol/clock.ts';
import type { Log } from '#protocol/log.ts';
import { notification } from '../journal/place.ts';

/** What a flow left in the journal. */
export interface Run {
  /** `interrupted`: the flow is open. */
  readonly outcome: FlowOutcome | 'interrupted';
  readonly task: AtomRow;
  readonly outputs: { readonly [name: string]: Json };
  readonly steps: readonly StepRow[];
  readonly messages: readonly string[];
}

export class TaskWorld implements AsyncDisposable {
  readonly directory: string;
  readonly uuid = randomUUID();
  readonly cloud: World = new World({ now: () => Date.now() }, 1);
  /** The engine's log. */
  readonly logged: string[] = [];
  readonly #log: Log = (level, message, fields) =>
    this.logged.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  readonly #journal: Journal;
  #stopping = new AbortController();

  static async start(): Promise<TaskWorld> {
    const directory = mkdtempSync(join(tmpdir(), 'recovery-agent-test-'));
    const journal = await Journal.openInline(
      {
        path: join(directory, 'journal.db'),
        node: 'n1',
        allowStorage: ['overlay'],
        lockTimeoutMs: 10_000,
        leaseTimeoutMs: 10_000,
        confirmDelayMs: 0,
        authority: 'cluster',
      },
      realClock,
    );
    const world = new TaskWorld(directory, journal);
    const { uuid } = world;
    const { op: _, ...accepted } = notification({ uuid, host: 'c1', target: 'host:c1', at: Date.now() });
    await journal.accept(accepted);
    return world;
  }

  private constructor(directory: string, journal: Journal) {
    this.directory = directory;
    this.#journal = journal;
  }

  /** Runs the task in a new flow. @param section e.g. `[hook]`, `driver = webhook`, … */
  async run(section: readonly string[], values: { readonly [name: string]: Json } = {}): Promise<Run> {
    const document = parseDocument('test.conf', new TextEncoder().encode(section.join('\n')));
    const problems: Problem[] = [...document.problems];
    const [written] = document.sections;
    const custom = written && readCustomTask(written, problems);
    const policy = written && readTaskPolicy(written, DEFAULT_OPTIONS, problems);
    if (!written || !custom || !policy || problems.length > 0) throw new Error(problems.map(formatProblem).join('\n'));
    const { timeoutMs, retries, retryDelayMs, onFailure } = policy;
    const planned = { phase: 'post', name: written.name, timeoutMs, retries, retryDelayMs, onFailure } as const;
    const plan: Plan = {
      version: 1,
      flow: 'host_auto',
      round: 1,
      deadSince: null,
      afterCrash: 'resume',
      tasks: [{ ...planned, parameters: {}, custom: custom.task }],
      inputs: { host_name: 'c1', notification_uuid: this.uuid, ...values },
      settings: { ...taskSettings(DEFAULT_OPTIONS), verifyIntervalMs: 10 },
    };
    const flow = await this.#journal.openFlow({
      logbookUuid: this.uuid,
      flowUuid: randomUUID(),
      name: 'test',
      target: 'host:c1',
      plan: JSON.stringify(plan),
      configHash: '',
      atoms: [{ phase: 'post', name: written.name }],
      at: Date.now(),
    });
    return this.#follow(flow);
  }

  /** Takes the flow up that was interrupted, as the next engine does. */
  async resume(): Promise<Run> {
    this.#stopping = new AbortController();
    const logbook = await this.#journal.query('logbook', this.uuid);
    const flow = logbook && (await this.#journal.query('openFlow', logbook.id));
    if (!flow) throw new Error('no flow is open');
    return this.#follow(flow);
  }

  /** Stops the engine while a task runs. */
  interrupt(): void {
    this.#stopping.abort(new Interrupted('the engine stops'));
  }

  /** The progress of the recovery so far, oldest first. */
  async messages(): Promise<readonly string[]> {
    const shown = await this.#journal.query('show', this.uuid);
    return shown?.flows.flatMap(({ events }) => events.map(({ message }) => message)) ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.interrupt();
    await this.#journal.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #follow(flow: FlowSnapshot): Promise<Run> {
    const journal = this.#journal;
    const cloud = new SimulatedCloud(directLink(this.cloud), journal);
    const budgets = { requests: new Budget(3), evacuations: new Budget(3) };
    const taskOf = (planned: PlannedTask) => customTask(planned, loadDriver) ?? builtInTask(planned.name);
    const parts = { journal, cloud, clock: realClock, budgets, taskOf, log: this.#log };
    const runner = new FlowRunner(parts, flow, this.#stopping.signal);
    const outcome = await runner
      .run(() => [])
      .catch((error: unknown) => {
        if (error instanceof Interrupted) return 'interrupted' as const;
        throw error;
      });
    const shown = await journal.query('show', this.uuid);
    const seen = shown?.flows.find(({ flow: { id } }) => id === flow.flow.id);
    const [task] = seen?.atoms ?? [];
    if (!seen || !task) throw new Error('the journal shows no task');
    const messages = seen.events.map(({ message }: EventRow) => message);
    return { outcome, task, outputs: JSON.parse(task.result ?? '{}'), steps: seen.steps, messages };
  }
}
