/** Engines that are dead, hung or hidden, and processes of others in their place. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Fault, group } from '../fault.ts';
import type { LivingProcess, Place } from '../place.ts';

const DEAD = { probe: 7, monitor: 7 };
const UNWELL = { probe: 1, monitor: 1 };

function signal(place: Place, name: NodeJS.Signals): void {
  for (const { pid } of place.engines()) process.kill(pid, name);
}

/** Resolves when no engine lives. */
async function kill(place: Place): Promise<void> {
  signal(place, 'SIGKILL');
  while (place.engines().length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
}

function lose(place: Place, ...names: readonly (keyof Place['paths'])[]): void {
  for (const name of names) rmSync(place.paths[name], { force: true });
}

/** As the agent's own process files name a process: pid, start and boot. */
function nameProcess({ pid, innerPid }: LivingProcess): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `${JSON.stringify({ pid: innerPid, startTime, bootId })}\n`;
}

const ENGINES = group('engine', [
  { name: 'nothing is wrong', stopped: {}, running: {} },
  { name: 'the engine was killed', arrange: kill, running: DEAD },
  { name: 'the engine hangs', arrange: (place) => signal(place, 'SIGSTOP'), running: UNWELL },
  { name: 'the process file is lost', arrange: (place) => lose(place, 'pidfile'), running: {} },
  { name: 'the socket is lost', arrange: (place) => lose(place, 'socket'), running: UNWELL },
  { name: 'socket and process file are lost', arrange: (place) => lose(place, 'socket', 'pidfile'), running: UNWELL },
  {
    name: 'the whole folder of socket and process file is lost',
    arrange: (place) => rmSync(place.path('run'), { recursive: true }),
    running: UNWELL,
  },
  {
    name: 'the folder of socket and process file is another file system',
    arrange: (place) => place.must('mount', '-t', 'tmpfs', 'tmpfs', place.path('run')),
    running: UNWELL,
  },
  {
    name: 'the engine hangs, socket and process file are lost',
    arrange: (place) => {
      lose(place, 'socket', 'pidfile');
      signal(place, 'SIGSTOP');
    },
    running: UNWELL,
  },
  {
    name: 'configuration, log and folder of the socket are lost',
    arrange: (place) => {
      for (const folder of ['etc', 'log', 'run']) rmSync(place.path(folder), { recursive: true });
    },
    running: { ...UNWELL, start: 5, 'validate-all': 5 },
  },
  {
    name: 'signals to the engine are forbidden',
    caller: () => ['python3', fileURLToPath(new URL('../without_signals.py', import.meta.url))],
    running: { stop: 1 },
  },
]);

const OTHERS = group('process of others', [
  ...['', 'no JSON', '{"pid":1}', '12345\n', '{"pid":-1,"startTime":"1","bootId":"x"}'].map((text) => ({
    name: `the process file holds ${text === '' ? 'nothing' : `\`${text.trim()}\``}`,
    arrange: ({ paths }: Place) => writeFileSync(paths.pidfile, text),
    stopped: {},
    running: {},
  })),
  {
    name: 'the process file names a living process that is no engine',
    arrange: async (place) => {
      writeFileSync(place.paths.pidfile, nameProcess(await place.begin('sleep', '1000')));
    },
    stopped: { start: 1 },
  },
  {
    name: 'the process file has the pid of another process, with an earlier start',
    arrange: async (place) => {
      const name = nameProcess(await place.begin('sleep', '1000'));
      writeFileSync(place.paths.pidfile, name.replace(/"startTime":"\d+"/, '"startTime":"1"'));
    },
    stopped: {},
  },
  {
    name: 'a program that is no engine listens on the socket',
    arrange: async (place) => {
      const script = fileURLToPath(new URL('../silent_listener.py', import.meta.url));
      await place.must('python3', script, place.paths.socket);
    },
    stopped: { start: 1 },
  },
]);

/** The executable of a node while a package is being upgraded. */
const UPGRADES = group('upgrade', [
  {
    name: 'the executable was replaced while the engine runs',
    arrange: (place) => place.replaceExecutable(),
    running: {},
  },
]);

export const PROCESS_FAULTS: readonly Fault[] = [...ENGINES, ...OTHERS, ...UPGRADES];
