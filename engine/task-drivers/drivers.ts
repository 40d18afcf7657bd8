/** The drivers by name, each loaded when the first task needs it. */
import type { DriverName } from '#config/pipelines/drivers/drivers.ts';
import type { Driver, ProgramContext } from './driver.ts';
import { withSecrets } from './secret-values.ts';

const LOAD: Readonly<Partial<Record<DriverName, () => Promise<Driver>>>> = {
  executable: async () => (await import('./executable/driver.ts')).executable,
  module: async () => (await import('./module/driver.ts')).moduleDriver,
  webhook: async () => (await import('./webhook/driver.ts')).webhook,
  mail: async () => (await import('./mail/driver.ts')).mail,
  mistral: async () => (await import('./mistral/driver.ts')).mistralDriver,
  recovery_action: async () => (await import('./recovery-action/driver.ts')).recoveryActionDriver,
};

export async function loadDriver(name: DriverName): Promise<Driver> {
  const load = LOAD[name];
  if (!load) throw new Error(`this program has no driver "${name}"`);
  return withSecrets(await load());
}

/** The driver of programs, for one that is no task. */
export async function loadProgramDriver(): Promise<Driver<ProgramContext>> {
  return withSecrets((await import('./executable/driver.ts')).executable);
}
