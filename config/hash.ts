/** A short hash of the effective configuration, to detect whether two engines, or two moments, have the same one. */

import type { Configuration } from './configuration.ts';
import { type EngineOptions, OPTIONS } from './options/options.ts';
import { FLOWS } from './pipelines/pipelines.ts';

/** sha256 in hex. Secrets, places in files, and the order in which segments are written have no part in it. */
export function hashOf(values: Omit<Configuration, 'warnings' | 'hash'>): string {
  const effective = {
    options: withoutSecrets(values.options),
    segments: values.segments.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    pipelines: FLOWS.map((flow) => {
      const { pre, main, post, afterCrash } = values.pipelines[flow];
      return { flow, pre, main, post, afterCrash };
    }),
    tasks: [...values.taskPolicies]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([task, { parameters, ...policy }]) => ({
        task,
        ...policy,
        parameters: [...parameters].map(([name, { value }]) => [name, value]).toSorted(),
      })),
    customTasks: [...values.customTasks]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { task }]) => [name, task]),
    proofs: [...values.proofs]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { section, ...program }]) => [name, program, section.task]),
  };
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(JSON.stringify(effective)).digest('hex');
}

function withoutSecrets(options: EngineOptions): readonly unknown[] {
  return OPTIONS.filter((entry) => !entry.spec.secret).map((entry) => {
    const group: Readonly<Record<string, unknown>> = options[entry.group];
    return [entry.section, entry.spec.name, group[entry.field]];
  });
}
