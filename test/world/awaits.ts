/** The calls and commits of an engine: where a search interrupts it. */

/** Of the cloud. */
export const CALLS = [
  'computeService',
  'changeService',
  'listInstances',
  'instance',
  'listEvacuations',
  'listMigrations',
  'instanceActions',
  'evacuate',
  'stop',
  'start',
  'resetState',
] as const;
/** Of the journal. */
export const COMMITS = ['write', 'openFlow', 'resumeFlow', 'planSteps'] as const;

/** Puts `pause` before and after methods of an object. */
export function around<K extends string, T extends { [key in K]: (...args: never[]) => Promise<unknown> }>(
  object: T,
  names: readonly K[],
  pause: () => Promise<void>,
): void {
  for (const name of names) {
    const original = (object[name] as unknown as (...args: unknown[]) => Promise<unknown>).bind(object);
    const paused = async (...args: unknown[]): Promise<unknown> => {
      await pause();
      try {
        return await original(...args);
      } finally {
        await pause();
      }
    };
    Object.assign(object, { [name]: paused });
  }
}
