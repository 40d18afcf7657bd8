/** How a value is written: quotes, comments, blanks, continued lines, encodings. */
import { engine, type Scene } from '../scene.ts';

const CREDENTIALS = 'os_privileged_user_name=u\nos_privileged_user_tenant=t\nos_privileged_user_auth_url=http://k\n';
const password = (name: string, rest: string, more: Partial<Scene> = {}): Scene =>
  engine(name, `[DEFAULT]\n${CREDENTIALS}os_privileged_user_password${rest}\n`, more);
const defaults = (name: string, lines: string, more: Partial<Scene> = {}): Scene =>
  engine(name, `[DEFAULT]\n${lines}\n`, more);

export const QUOTES: readonly Scene[] = [
  password('double', ' = "a b"'),
  password('single', " = ' a '"),
  password('unlike', ` = "a'`),
  password('a quote alone', ' = "'),
  password('two pairs', ' = ""a""'),
  password('inside', ` = a"b"c'd`),
  password('only at the beginning', ' = "abc'),
  password('only at the end', ' = abc"'),
  password('a comment behind', ' = "a" # b'),
  password('escapes', String.raw` = "a\"b\\n\t"`),
  password('in the first of two lines', ' = "a"\n  "b"'),
  password('over two lines', ' = "a\n  b"'),
  password('a dollar inside', ' = "a$$b"'),
  password('empty', ' = ""'),
];

export const COMMENTS: readonly Scene[] = [
  password('# in a value', ' = a#b'),
  password('# behind a blank', ' = a # b'),
  password('; in a value', ' = a;b'),
  password('; behind a blank', ' = a ; b'),
  password('a value that is #', ' =#'),
  password('# in a continued line', ' = a\n  # b'),
  defaults('between options', 'verify_interval = 2\n# c\n; d\n#verify_interval = 3'),
  defaults('ends a value', 'os_region_name = a\n# c\n  b'),
  defaults('behind a number', 'verify_interval = 2 # two'),
  defaults('behind a flag', 'nova_api_insecure = true # yes'),
  engine('behind a section', '[DEFAULT] # main\nverify_interval = 2'),
  engine('before a section', '#[DEFAULT]\n[DEFAULT]\nverify_interval = 2'),
];

export const BLANKS: readonly Scene[] = [
  password('none', '=a'),
  password('many', '   =    a   '),
  password('tabs', '\t=\ta\t'),
  password('a colon', ': a=b'),
  password('a colon in the value', ' = a:b'),
  password('an equals sign in the value', ' = a=b=c'),
  password('no value', ' ='),
  password('no-break space', ' =\u00a0a\u00a0'),
  password('ideographic space', ' = \u3000a\u3000'),
  password('byte order mark inside', ' = \ufeffa'),
  password('outside the BMP', ' = \u{1f600}é'),
  password('a control character', ' = a\u0007b'),
  password('a vertical tab at the end', ' = a\u000b'),
  password('a unit separator at the end', ' = a\u001f'),
  password('next line (U+0085) at the end', ' = a\u0085'),
  password('a line separator (U+2028)', ' = a\u2028b'),
  password('a form feed', ' = a\u000cb'),
  password('CRLF', ' = a\r'),
  password('CR alone', ' = a\rverify_interval = 2'),
  engine('a byte order mark at the beginning', '\ufeff[DEFAULT]\nverify_interval = 2', {
    alone: 'Masakari does not start with such a file',
  }),
  engine('no newline at the end', '[DEFAULT]\nverify_interval = 2'),
  engine('nothing', ''),
  engine('only comments', '# a\n\n; b\n'),
];

export const CONTINUED: readonly Scene[] = [
  password('a blank', ' = a\n b'),
  password('a tab', ' = a\n\tb'),
  password('three lines', ' = a\n  b\n    c'),
  password('begins in the second line', ' =\n  a'),
  password('ended by an empty line', ' = a\n\n'),
  password('ended by a blank line', ' = a\n   \n'),
  password('an empty line between', ' = a\n\n  b'),
  password('an option in it', ' = a\n  verify_interval = 2', { refused: /the blank makes this line a part of/ }),
  password('a section in it', ' = a\n  [host_failure]', { refused: /the blank makes this line a part of/ }),
  defaults('a number', 'verify_interval =\n  2', { refused: /takes a number of seconds/ }),
  defaults('nothing before it', '  verify_interval = 2'),
  defaults('an option of no effect', 'default_log_levels = amqp=WARN,\n  sql=WARN,\n  [x]\nverify_interval = 2'),
];

/** Numbers that Masakari and we take differently. */
const NUMBERS: Readonly<Record<string, Partial<Scene>>> = {
  '2.0': { alone: 'a fraction of a second is a duration here' },
  '-1': { refused: /takes a number of seconds/ },
  '1_0': { refused: /takes a number of seconds/ },
  '': { refused: /takes a number of seconds/ },
  '99999': { refused: /must be between/ },
};

export const VALUES: readonly Scene[] = [
  ...['1', '0', 'true', 'TRUE', 'Yes', 'on', 'off', 'No', 'false', 't', 'n', '2', ''].map((word) =>
    defaults(`flag ${word}`, `nova_api_insecure = ${word}`),
  ),
  ...['2', '02', '2.0', '2s', '-1', '0x2', '1_0', '', '300', '99999'].map((text) =>
    defaults(`number ${JSON.stringify(text)}`, `verify_interval = ${text}`, NUMBERS[text]),
  ),
  defaults('a name with dashes', 'os-region-name = a'),
  defaults('a name in capitals', 'OS_REGION_NAME = a'),
];
