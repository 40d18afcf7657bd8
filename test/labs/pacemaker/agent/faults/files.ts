/** Files of this node that are missing, wrong, or of another type. */
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { type Fault, group } from '../fault.ts';
import { CONFIGURATION, type Place } from '../place.ts';

const THIS_NODE = { start: 5, 'validate-all': 5 };
const START_ONLY = { start: 5 };

function configuration(name: string, text: string | Uint8Array, mode = 0o600): Omit<Fault, 'group'> {
  return {
    name,
    arrange: ({ paths }) => {
      writeFileSync(paths.config, text);
      chmodSync(paths.config, mode);
    },
    stopped: THIS_NODE,
    running: THIS_NODE,
  };
}

const listening = (keyFile: string): string =>
  `${CONFIGURATION}[transport]\nlisten = 127.0.0.1\nkey_ring_file = ${keyFile}\n`;

const CONFIGURATIONS = group('configuration', [
  {
    name: 'the file is missing',
    arrange: ({ paths }) => rmSync(paths.config),
    stopped: THIS_NODE,
    running: THIS_NODE,
  },
  configuration('the file is no configuration', 'garbage ][\n'),
  configuration(
    'the file is binary',
    Uint8Array.from({ length: 4096 }, (_, index) => index % 256),
  ),
  configuration('an option is unknown', `${CONFIGURATION}[engine]\nno_such_option = 1\n`),
  configuration('a value is of another type', `${CONFIGURATION}[engine]\nlease_timeout = soon\n`),
  configuration('the cloud is not in clouds.yaml', '[cloud]\ncloud = admin\n'),
  configuration('credentials are missing', '[cloud]\ndriver = openstack\n'),
  configuration('the file may be written by every user', CONFIGURATION, 0o666),
  configuration('the key is missing', listening('/nonexistent/key')),
  {
    name: 'the key may be read by every user',
    arrange: (place) => {
      writeFileSync(place.path('etc/key'), 'k'.repeat(86), { mode: 0o644 });
      writeFileSync(place.paths.config, listening(place.path('etc/key')));
    },
    stopped: THIS_NODE,
    running: THIS_NODE,
  },
]);

type PathName = keyof Place['paths'];
const NAMES: Readonly<Record<PathName, string>> = {
  config: 'the configuration',
  journal: 'the journal',
  socket: 'the socket',
  pidfile: 'the process file',
  logfile: 'the log',
};
const PATHS = Object.keys(NAMES) as PathName[];

/** What `start` returns for a path of the wrong type, and `validate-all` too where the file is read by it. */
const codesFor = (name: PathName) => (name === 'config' ? THIS_NODE : START_ONLY);

/** `put` is called with the path and makes something else of it. */
function replaced(what: string, names: readonly PathName[], put: (path: string, place: Place) => unknown) {
  return names.map((name) => ({
    name: `${NAMES[name]} is ${what}`,
    arrange: (place: Place) => {
      rmSync(place.paths[name], { force: true });
      return put(place.paths[name], place);
    },
    stopped: codesFor(name),
  }));
}

const TYPES = group('path', [
  ...replaced('a directory', PATHS, (path) => mkdirSync(path)),
  ...replaced('a pipe', PATHS, (path, place) => place.must('mkfifo', path)),
  ...replaced('a link to itself', PATHS, (path) => symlinkSync(path, path)),
  ...replaced('an ordinary file', ['socket'], (path) => writeFileSync(path, 'precious\n'.repeat(100))),
  ...replaced('a large file of others', ['pidfile'], (path) => writeFileSync(path, 'precious\n'.repeat(100))),
  ...(['run', 'log', 'storage'] as const).map((folder) => ({
    name: `the folder ${folder} is a file`,
    arrange: (place: Place) => {
      rmSync(place.path(folder), { recursive: true });
      writeFileSync(place.path(folder), '');
    },
    stopped: folder === 'storage' ? THIS_NODE : START_ONLY,
  })),
  {
    name: 'the journal is on storage that is not mounted',
    arrange: (place) => rmSync(place.path('storage'), { recursive: true }),
    stopped: THIS_NODE,
  },
  {
    name: 'the folders of socket, process file and log are missing',
    arrange: (place) => {
      for (const folder of ['run', 'log']) rmSync(place.path(folder), { recursive: true });
    },
    stopped: {},
  },
]);

const JOURNALS = group('journal', [
  {
    name: 'the journal is damaged',
    arrange: ({ paths }) => writeFileSync(paths.journal, 'no database\n'.repeat(1000)),
    stopped: START_ONLY,
  },
  {
    name: 'a newer version wrote the journal',
    arrange: ({ paths }) => {
      const journal = new Database(paths.journal);
      journal.exec('CREATE TABLE lease (id INTEGER); PRAGMA user_version = 999999');
      journal.close();
    },
    stopped: START_ONLY,
  },
  { name: 'the journal is empty', arrange: ({ paths }) => writeFileSync(paths.journal, ''), stopped: {} },
  {
    name: 'the journal was renamed while the engine runs',
    arrange: ({ paths }) => renameSync(paths.journal, `${paths.journal}.old`),
    running: {},
  },
]);

const LOGS = group('log', [
  {
    name: 'the log has 3 GiB',
    arrange: ({ paths }) => {
      writeFileSync(paths.logfile, '', { flag: 'a' });
      truncateSync(paths.logfile, 3 * 2 ** 30);
    },
    stopped: {},
    running: {},
  },
  {
    name: 'the log is /dev/null',
    environment: () => ({ OCF_RESKEY_logfile: '/dev/null' }),
    stopped: {},
    running: {},
  },
]);

export const FILE_FAULTS: readonly Fault[] = [...CONFIGURATIONS, ...TYPES, ...JOURNALS, ...LOGS];
