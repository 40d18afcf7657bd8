/** Functions that the resource agent uses from the rest of the program, loaded for the actions that check the configuration. */
import { loadChecked } from './checked-configuration.ts';
import { prepareCloud } from './cloud.ts';
import { engineAdmission } from './tls-listeners.ts';

/** Reads the configuration, credentials and keys as the engine would. Throws with every problem in its message. */
export function checkConfiguration(file: string | undefined): void {
  // The directory in which the engine will search for clouds.yaml; the caller's directory may not exist.
  process.chdir('/');
  const configuration = loadChecked(file);
  prepareCloud(configuration, () => {});
  engineAdmission(configuration.options, () => {});
}
