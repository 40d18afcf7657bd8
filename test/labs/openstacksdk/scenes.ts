/** Scenes written by hand: one for each kind of file, key and variable. */
import type { Scene } from './scene.ts';
import { ENVIRONMENTS } from './scenes/environments.ts';
import { LOGINS } from './scenes/logins.ts';
import { DOCUMENTS, PLACES, PROFILES, SECURE_FILES } from './scenes/places.ts';
import { CONNECTIONS, REGIONS, SERVICES } from './scenes/services.ts';

export const SCENES: readonly Scene[] = Object.entries({
  places: PLACES,
  secure: SECURE_FILES,
  regions: REGIONS,
  profiles: PROFILES,
  logins: LOGINS,
  connections: CONNECTIONS,
  services: SERVICES,
  environments: ENVIRONMENTS,
  documents: DOCUMENTS,
}).flatMap(([kind, scenes]) => scenes.map((scene) => ({ ...scene, name: `${kind}: ${scene.name}` })));
