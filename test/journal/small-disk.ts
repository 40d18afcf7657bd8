/** Runs a scenario of `small-disk-scenarios.ts` on a real small file system that no other process sees. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Place } from './place.ts';
import { UNSHARE } from './requirements.ts';
import type { Report, Scenario } from './small-disk-scenarios.ts';

const SCENARIOS = fileURLToPath(new URL('./small-disk-scenarios.ts', import.meta.url));

export function onSmallDisk(scenario: Scenario): Report {
  using place = new Place();
  const [command = '', ...flags] = UNSHARE;
  const script = 'mount -t tmpfs -o size=1m,mode=0750 none "$1" && exec "$2" "$3" "$1" "$4"';
  const args = [...flags, 'sh', '-c', script, 'sh', place.directory, process.execPath, SCENARIOS, scenario];
  return JSON.parse(execFileSync(command, args, { encoding: 'utf8' }));
}
