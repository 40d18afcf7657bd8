/** What the resource agent needs of the rest of the program, loaded for the actions that check the configuration. */
import { loadChecked } from './checked-configuration.ts';
import { prepareCloud } from './cloud.ts';
import { engineIdentity } from './tls-listeners.ts';

/** Reads the configuration, credentials and keys as the engine would. Throws with every problem in its message. */
export function checkConfiguration(file: string | undefined): void {
  // Where the engine will look for clouds.yaml; the caller's directory may not exist at all.
  process.chdir('/');
  const configuration = loadChecked(file);
  prepareCloud(configuration, () => {});
  engineIdentity(configuration.options);
}
