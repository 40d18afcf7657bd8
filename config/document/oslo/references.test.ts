/** Values with quotes, blanks and dollar signs. Those of Masakari's files are the values of oslo.config: test/labs/oslo compares. */

import { describe, expect, test } from 'vitest';
import { load, MASAKARI, problemsOf, withPassword } from '#test/world/masakari-files.ts';

const OWN = '/etc/recovery-agent/recovery-agent.conf';
/** `${NAME}`, which would resemble a mistake in a literal. */
const braced = (name: string): string => `$\{${name}}`;
const passwordOf = (path: string, rest: string): string =>
  load(withPassword(path, rest)).options.nova.osPrivilegedUserPassword;
const cure = 'write $$ for a $, or the value itself';

test.each([
  ['= se$$cret', 'se$cret'],
  [String.raw`= se\$cret`, 'se$cret'],
  ['= se$1cret$', 'se$1cret$'],
  ['= ${', '${'],
  ['= a$$$$b', 'a$$b'],
  [String.raw`= a\\b\n`, String.raw`a\\b\n`],
  ['= a#b', 'a#b'],
  ['= a #b ;c', 'a #b ;c'],
  ['=#', '#'],
  ['= "a b"', 'a b'],
  [`= ' a '`, ' a '],
  [`= "a'`, `"a'`],
  ['= "', ''],
  ['= ""a""', '"a"'],
  [': a=b', 'a=b'],
  ['= a:b', 'a:b'],
  ['=', ''],
  ['= [a{b', '[a{b'],
  ['= a\n  b', 'a\nb'],
  ['= "a"\n  # b', 'a\n# b'],
  ['=  a\u00a0', 'a'],
  ['= \ufeffa', '\ufeffa'],
  ['= \u{1f600}é', '\u{1f600}é'],
  [`= x${braced('os_privileged_user_name')}y`, 'xuy'],
  ['= $os_user_domain_name', 'default'],
  [`= $verify_interval-${braced('host_failure.evacuate_all_instances')}`, '1-True'],
])('in masakari.conf, os_privileged_user_password%j is %j', (rest, expected) => {
  expect(passwordOf(MASAKARI, rest)).toBe(expected);
});

describe('a reference', () => {
  const shown = (line: string, more = '') => {
    const files = withPassword(MASAKARI, `=p\n${line}\n${more}`);
    return problemsOf(files).map((problem) => problem.replace(`${MASAKARI}:`, ''));
  };

  test('to no option is refused, and what follows the $ of a password is not repeated', () => {
    const why = 'refers to no option of Masakari with a known value';
    expect(problemsOf(withPassword(MASAKARI, ' = ab$cret'))).toEqual([
      `${MASAKARI}:5:33: "os_privileged_user_password": what follows this $ ${why}; ${cure}`,
    ]);
    expect(shown('os_region_name = a$nothing')).toEqual([`6:19: "os_region_name": $nothing ${why}; ${cure}`]);
    expect(shown('os_region_name = $os_user_domain_name.')).toEqual([
      `6:18: "os_region_name": $os_user_domain_name. ${why}; ${cure}`,
    ]);
    const whole = braced('DEFAULT.os_user_domain_name');
    expect(shown(`os_region_name = ${whole}`)).toEqual([
      `6:18: "os_region_name": ${whole} ${why}: one of [DEFAULT] is written without its section; ${cure}`,
    ]);
  });

  test('to what depends on the machine is refused, unless the file has it', () => {
    expect(shown('os_region_name = $host')).toEqual([
      `6:18: "os_region_name": $host has a default that depends on the machine; ${cure}`,
    ]);
    expect(shown('os_region_name = $host\nhost = c1').filter((line) => !line.includes('warning'))).toEqual([]);
  });

  test('to a secret, or to itself, is refused', () => {
    expect(shown('os_region_name = $os_privileged_user_password')).toEqual([
      `6:18: "os_region_name": $os_privileged_user_password is a secret; ${cure}`,
    ]);
    expect(shown('os_region_name = $os_user_domain_name\nos_user_domain_name = $os_region_name')).toEqual([
      `6:18: "os_region_name": $os_user_domain_name refers to itself; ${cure}`,
      `7:23: "os_user_domain_name": $os_region_name refers to itself; ${cure}`,
    ]);
  });

  test('searches its own section first', () => {
    const text =
      '[host_failure]\nha_enabled_instance_metadata_key = k\nservice_disable_reason = $ha_enabled_instance_metadata_key $os_user_domain_name\n';
    expect(load({ [MASAKARI]: text }).options.hostFailure.serviceDisableReason).toBe('k default');
  });

  test('in an option without effect is not read', () => {
    expect(shown('log_dir = $nothing')).toEqual([expect.stringContaining('warning: "log_dir" has no effect here')]);
  });

  test('to options that refer to each other many times ends, and fills no memory', () => {
    const names = 'osapi_masakari_link_prefix tempdir engine_manager masakari_topic control_exchange'.split(' ');
    const lines = names.map((name, index) => `${name} = ${`$${names[index + 1] ?? 'bindir'}`.repeat(100)}`);
    expect(shown(`os_region_name = $${names[0]}\nbindir = x\n${lines.join('\n')}`)[0]).toBe(
      `6:18: "os_region_name": $${names[0]} has a value that is not known here; ${cure}`,
    );
  });
});

describe("in a file of recovery-agent, Masakari's credentials", () => {
  // Read by oslo.config 9.0 (Debian 12) from a StrOpt in this form.
  test.each([
    ['p$$w0rd', 'p$w0rd'],
    [String.raw`p\$w0rd`, 'p$w0rd'],
    ['p$$$$', 'p$$'],
    ['cost 5$', 'cost 5$'],
    ['$1', '$1'],
    ['a$-b', 'a$-b'],
    ['$$name', '$name'],
    ['p$$$1', 'p$$1'],
  ])('have a dollar sign: %s is %s', (text, expected) => {
    expect(passwordOf(OWN, ` = ${text}`)).toBe(expected);
  });

  test.each(['p$w0rd', braced('host'), '$group.name', '$$$name', '$_x', 'a$B', '$os_user_domain_name'])(
    'refer to no option: %s is refused',
    (text) => {
      expect(problemsOf(withPassword(OWN, ` = ${text}`))).toEqual([
        expect.stringMatching(
          /5:\d+: "os_privileged_user_password": what follows this \$ refers to an option, which only a file of Masakari may; /,
        ),
      ]);
    },
  );

  test('are unlike any other option, which keeps its dollar signs', () => {
    const text = '[host_failure]\nservice_disable_reason = $$ $x\n';
    expect(load({ [OWN]: text }).options.hostFailure.serviceDisableReason).toBe('$$ $x');
  });
});
