/** Sections: more than once, in other cases, unknown ones; options more than once; several files. */
import { engine, MAIN, monitors, type Scene } from '../scene.ts';

const TWICE = /is already set at .*; remove one of the two/;
const FOLDER = `${MAIN.engine}.d`;
/** The ways in which Masakari is started with a folder beside its file. */
const STARTS = [
  [],
  ['--config-file', `@HOME@/${MAIN.engine}`],
  ['--config-file', `@HOME@/${MAIN.engine}`, '--config-dir', `@HOME@/${FOLDER}`],
];
const dropIns = (name: string, main: string, files: Record<string, string>, more: Partial<Scene> = {}): Scene => ({
  name,
  program: 'engine',
  files: {
    [MAIN.engine]: main,
    ...Object.fromEntries(Object.entries(files).map(([file, text]) => [`${FOLDER}/${file}`, text])),
  },
  starts: STARTS,
  ...more,
});

export const SECTIONS: readonly Scene[] = [
  engine(
    'twice',
    '[DEFAULT]\nverify_interval = 2\n[host_failure]\nevacuate_all_instances = no\n[DEFAULT]\nos_region_name = r\n',
  ),
  engine(
    'thrice',
    '[host_failure]\n[DEFAULT]\n[host_failure]\nevacuate_all_instances = no\n[host_failure]\nservice_disable_reason = x\n',
  ),
  engine('in capitals', '[HOST_FAILURE]\nevacuate_all_instances = no\n[Host_Failure]\nservice_disable_reason = x\n'),
  engine('default in small letters', '[default]\nverify_interval = 2\n'),
  engine('Default', '[Default]\nverify_interval = 2\n'),
  engine('both cases of default', '[DEFAULT]\nverify_interval = 3\n[default]\nverify_interval = 2\n'),
  engine('blanks in the brackets', '[ host_failure ]\nevacuate_all_instances = no\n'),
  engine('a blank behind the brackets', '[host_failure]  \nevacuate_all_instances = no\n'),
  engine(
    'a blank before the brackets',
    '[DEFAULT]\nverify_interval = 2\n\n [host_failure]\nevacuate_all_instances = no\n',
  ),
  engine('no closing bracket', '[host_failure\nevacuate_all_instances = no\n'),
  engine('no name', '[]\nx = 1\n'),
  engine('two brackets', '[[host_failure]]\nevacuate_all_instances = no\n'),
  engine('a bracket behind', '[host_failure] ]\nevacuate_all_instances = no\n'),
  engine('none', 'verify_interval = 2\n'),
  engine('unknown', '[nova]\ny: [\nz\n[DEFAULT]\nverify_interval = 2\n', {
    alone: 'Masakari does not start; no program uses the section',
  }),
  engine('unknown, well written', '[placement]\nauth_url = http://k\n  and more\n[DEFAULT]\nverify_interval = 2\n'),
  engine(
    'of libraries',
    '[oslo_messaging_notifications]\ndriver = a\ndriver = b\n[cache]\nenabled = $x\n[DATABASE]\nmax_pool_size = many\n',
  ),
  engine('an option of another section', '[DEFAULT]\nevacuate_all_instances = false\n'),
  engine('unknown options', '[DEFAULT]\nverify_intervall = 2\nwhat-ever = 1\n[host_failure]\nx = y\n'),
  engine('a line without a separator', '[DEFAULT]\nword\n'),
  engine('a line without a name', '[DEFAULT]\n= word\n'),
  engine('dots in a name', '[DEFAULT]\na.b = 1\nverify_interval = 2\n'),
  monitors('monitors: twice', '[host]\nmonitoring_interval = 30\n[api]\nregion = x\n[host]\nmonitoring_samples = 2\n'),
];

export const OPTIONS_TWICE: readonly Scene[] = [
  engine('the same value', '[DEFAULT]\nverify_interval = 2\nverify_interval = 2\n', { refused: TWICE }),
  engine('two values', '[DEFAULT]\nverify_interval = 2\nverify_interval = 3\n', { refused: TWICE }),
  engine('two sections', '[DEFAULT]\nverify_interval = 2\n[host_failure]\n[DEFAULT]\nverify_interval = 3\n', {
    refused: TWICE,
  }),
  engine('of no effect', '[DEFAULT]\ndebug = yes\ndebug = no\nverify_interval = 2\n'),
  engine(
    'several values',
    '[DEFAULT]\nmonkey_patch_modules = a:b\nmonkey_patch_modules = c:d\nlog_dir = /a\nlog_dir = /b\n',
  ),
  engine('two files', '', {
    files: {
      [MAIN.engine]: '[DEFAULT]\nverify_interval = 2\n',
      '.masakari/masakari-custom-recovery-methods.conf': '[DEFAULT]\nverify_interval = 3\n',
    },
    methods: '.masakari/masakari-custom-recovery-methods.conf',
    refused: TWICE,
    starts: [
      [
        '--config-file',
        '@HOME@/.masakari/masakari.conf',
        '--config-file',
        '@HOME@/.masakari/masakari-custom-recovery-methods.conf',
      ],
    ],
  }),
];

export const DROP_INS: readonly Scene[] = [
  dropIns('one', '[DEFAULT]\nverify_interval = 2\n', {
    'a.conf': '[DEFAULT]\nos_region_name = r\n[host_failure]\nevacuate_all_instances = no\n',
  }),
  dropIns('several, the last counts', '[DEFAULT]\nverify_interval = 2\n', {
    'b.conf': '[DEFAULT]\nos_region_name = b\n',
    'a.conf': '[DEFAULT]\nos_region_name = a\nos_user_domain_name = a\n',
    'B.conf': '[DEFAULT]\nos_region_name = B\n',
    '10-x.conf': '[DEFAULT]\nos_region_name = 10\n',
    '9-x.conf': '[DEFAULT]\nos_region_name = 9\n',
  }),
  dropIns('other names', '[DEFAULT]\nverify_interval = 2\n', {
    '.hidden.conf': '[DEFAULT]\nverify_interval = 3\n',
    'a.conf.bak': '[DEFAULT]\nverify_interval = 4\n',
    README: 'no configuration',
  }),
  dropIns('the same value', '[DEFAULT]\nverify_interval = 2\n', { 'a.conf': '[DEFAULT]\nverify_interval = 2\n' }),
  dropIns(
    'another value',
    '[DEFAULT]\nverify_interval = 2\n',
    { 'a.conf': '[DEFAULT]\nverify_interval = 3\n' },
    {
      refused: /is already set to another value/,
    },
  ),
  dropIns('a reference', '[DEFAULT]\nos_region_name = $os_user_domain_name\n', {
    'a.conf': '[DEFAULT]\nos_user_domain_name = a\n',
  }),
  dropIns(
    'another value of what a reference means',
    '[DEFAULT]\nos_region_name = $state_path\nstate_path = /a\n',
    { 'a.conf': '[DEFAULT]\nstate_path = /b\n' },
    {
      refused: /\$state_path has different values at/,
    },
  ),
  dropIns('a broken file', '[DEFAULT]\nverify_interval = 2\n', { 'a.conf': '[DEFAULT]\nword\n' }),
  dropIns('a section in another case', '[DEFAULT]\n', { 'a.conf': '[HOST_FAILURE]\nevacuate_all_instances = no\n' }),
];
