/** A module of an operator on the disk, and calls of it by the real driver, in real processes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CustomTask } from '#config/pipelines/task-definition.ts';
import type { TaskContext } from '#engine/flow/task.ts';
import type { DriverCall } from '#engine/task-drivers/driver.ts';

export interface CallSettings {
  readonly signal?: AbortSignal;
  readonly resumed?: boolean;
  readonly inputs?: DriverCall['inputs'];
  readonly parameters?: DriverCall['parameters'];
  readonly provides?: readonly string[];
  readonly guard?: TaskContext['guard'];
}

export class ModuleTask implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'recovery-agent-module-'));
  readonly progress: { readonly message: string; readonly fraction: number | undefined }[] = [];
  readonly logged: string[] = [];
  #onProgress: (message: string) => void = () => {};

  /** @returns the path of the file */
  write(name: string, text: string): string {
    const path = join(this.directory, name);
    writeFileSync(path, text, { mode: 0o644 });
    return path;
  }

  /** What is done when a line of progress comes. */
  whenItPrints(listen: (message: string) => void): void {
    this.#onProgress = listen;
  }

  call(module: string, settings: CallSettings = {}): DriverCall {
    const definition: CustomTask = {
      driver: 'module',
      requires: [],
      provides: settings.provides ?? [],
      afterCrash: 'once',
      undo: true,
      when: '',
      options: { module },
      parameters: {},
    };
    const context: Pick<TaskContext, 'signal' | 'guard' | 'log' | 'progress'> = {
      signal: settings.signal ?? new AbortController().signal,
      guard: settings.guard ?? { isFresh: () => true, confirm: async () => {} },
      log: (level, message, fields) => this.logged.push(`${level} ${message} ${fields?.stream ?? ''}`.trim()),
      progress: (message, fraction) => {
        this.progress.push({ message, fraction });
        this.#onProgress(message);
      },
    };
    return {
      task: 'update_inventory',
      name: 'update_inventory',
      occurrence: 1,
      phase: 'post',
      stepKey: '11111111-1111-4111-8111-111111111111/update_inventory',
      attempt: 1,
      isResumed: settings.resumed ?? false,
      inputs: settings.inputs ?? { host_name: 'compute-1' },
      definition,
      options: { module },
      parameters: settings.parameters ?? {},
      outputs: {},
      // The driver uses nothing else of it.
      context: context as TaskContext,
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
