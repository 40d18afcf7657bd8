/** What the resource agent needs of the rest of the program, loaded for the actions that check the configuration. */
import { loadChecked } from './checked-configuration.ts';

/** Reads the configuration as the engine would. Throws with every problem in its message. */
export function checkConfiguration(file: string | undefined): void {
  loadChecked(file);
}
