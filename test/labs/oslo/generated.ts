/** Files generated at random with a fixed seed: lines that an operator, a tool or a slip may write. */
import fc from 'fast-check';
import { engine, type Scene } from './scene.ts';

export const COUNT = 400;
export const SEED = 20_261_129;

const braced = (name: string): string => `$\{${name}}`;
const pick = (...texts: readonly string[]) => fc.constantFrom(...texts);
const often = <T>(value: fc.Arbitrary<T>, weight: number) => ({ arbitrary: value, weight });

const REFERENCE = pick(
  '$os_user_domain_name',
  braced('os_region_name'),
  '$host_failure.ha_enabled_instance_metadata_key',
  braced('instance_failure.process_all_instances'),
  '$verify_interval',
  '$nothing',
  '$log_dir',
  '$DEFAULT.debug',
  '$debug',
);
const PIECE = fc.oneof(
  often(
    pick('a', 'Zz', '0', '9x', 'é', '\u{1f600}', '-', '.', '/', '%', '&', '@', '!', '(', ')', '*', '~', '^', '|'),
    12,
  ),
  often(pick('$$', '$', '\\$', '\\', '\\\\', '$1', '$ ', braced('').slice(0, 2), '}', '{', '[', ']', ','), 6),
  often(pick('#', ' #', ';', ' ;', '"', "'", '=', ':', ' ', '\t', '\u00a0'), 8),
  often(REFERENCE, 2),
  often(pick('\n  ', '\n\t', '\n # '), 1),
);
const TEXT = fc.array(PIECE, { maxLength: 8 }).map((pieces) => pieces.join(''));
const QUOTED = fc.tuple(pick('"', "'"), TEXT).map(([quote, text]) => `${quote}${text}${quote}`);
const VALUE = fc.oneof(often(TEXT, 3), often(QUOTED, 1));
/** Of options that have no effect here: Masakari does not start where they are wrong. */
const RIGHT = TEXT.filter((text) => !/[$\n]/.test(text));
const RIGHT_FLAG = pick('true', 'False', 'yes', '0', 'ON');
const FLAG = pick('true', 'False', 'yes', '0', 'ON', '$nova_api_insecure', 'maybe');
const NUMBER = pick('1', '5', '60', '007', "'7'", '"8"', '$verify_interval', '9 # s', '1.5');
const SEPARATOR = pick(' = ', '=', ': ', ':', '\t=\t', ' =  ');

const line = (section: string, name: string, value: fc.Arbitrary<string>) =>
  fc.tuple(
    fc.constant(section),
    fc.tuple(SEPARATOR, value).map(([separator, text]) => `${name}${separator}${text}`),
  );
const LINE = fc.oneof(
  often(line('DEFAULT', 'os_privileged_user_password', VALUE), 4),
  often(line('DEFAULT', 'os_region_name', VALUE), 3),
  often(line('DEFAULT', 'os_user_domain_name', VALUE), 2),
  often(line('DEFAULT', 'verify_interval', NUMBER), 1),
  often(line('DEFAULT', 'nova_api_insecure', FLAG), 1),
  often(line('DEFAULT', 'log_dir', RIGHT), 1),
  often(line('DEFAULT', 'debug', RIGHT_FLAG), 1),
  often(line('host_failure', 'ha_enabled_instance_metadata_key', VALUE), 2),
  often(line('host_failure', 'evacuate_all_instances', FLAG), 1),
  often(line('instance_failure', 'process_all_instances', FLAG), 1),
  often(line('process_failure', 'service_disable_reason', VALUE), 1),
  often(line('oslo_messaging_notifications', 'driver', RIGHT), 1),
  often(line('nobody', 'x', RIGHT), 1),
);
const CASE = pick('as it is', 'as it is', 'as it is', 'upper', 'title');
const BETWEEN = pick('', '', '', '\n', '# a = b\n', ';c\n', '\n\n# [DEFAULT]\n');

/** Each line with its section above it if another one is before it; the same name seldom comes twice. */
const scene = fc
  .tuple(fc.array(fc.tuple(LINE, CASE, BETWEEN), { minLength: 1, maxLength: 7 }), fc.integer({ min: 0, max: 9 }))
  .map(([lines, keepsTwice]): Scene => {
    const names = new Set<string>();
    let section = '';
    let text = '';
    for (const [[of, written], letters, between] of lines) {
      const name = `${of} ${/^\w+/.exec(written)?.[0]}`;
      if (keepsTwice > 0 && names.has(name)) continue;
      names.add(name);
      const shown = of === 'DEFAULT' || letters === 'as it is' ? of : cased(of, letters);
      if (of !== section) text += `[${shown}]\n`;
      section = of;
      text += `${between}${written}\n`;
    }
    return engine('generated', text);
  });

function cased(section: string, letters: string): string {
  return letters === 'upper' ? section.toUpperCase() : `${section[0]?.toUpperCase()}${section.slice(1)}`;
}

export function generatedScenes(): readonly Scene[] {
  return fc.sample(scene, { numRuns: COUNT, seed: SEED });
}
