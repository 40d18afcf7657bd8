/** Kinds of options whose values hold templates; a fault in a template is found with its place. */
import { parse as parseYaml, YAMLParseError } from 'yaml';
import { type OptionSpec, type Parsed, shown } from '../options/kinds.ts';
import { splitCommand } from '../pipelines/command-line.ts';
import { RELATIVE_PATH } from '../pipelines/task-paths.ts';
import { ExpressionFault, type Value } from './expression.ts';
import { allPaths, parseTemplate } from './template.ts';

function checked<T extends Value>(value: T): Parsed<T> {
  try {
    allPaths(value);
    return { value };
  } catch (error) {
    if (error instanceof ExpressionFault) return { fault: error.message, offset: error.offset };
    throw error;
  }
}

/** A text with values in it. */
export function template(name: string, fallback: string, help: string): OptionSpec<string> {
  return {
    name,
    fallback,
    written: fallback,
    takes: 'text with {{ values }}',
    help,
    secret: false,
    parse: (text) => checked(text),
  };
}

/** Marks the place of a value while a command is split; no program has it in its arguments. */
const PLACE = '\uE000';

/** A command as words, each a template: what is filled in never becomes more words, and no shell sees it. */
export function commandTemplate(name: string, help: string): OptionSpec<readonly string[]> {
  return {
    name,
    fallback: [],
    written: '',
    takes: 'a program by its path, and its arguments',
    help,
    secret: false,
    parse(text) {
      const holes: string[] = [];
      try {
        parseTemplate(text);
      } catch (error) {
        if (error instanceof ExpressionFault) return { fault: error.message, offset: error.offset };
        throw error;
      }
      const marked = text.replaceAll(
        /\{\{.*?\}\}/gs,
        (hole) => `${PLACE}${String.fromCharCode(0xe100 + holes.push(hole))}`,
      );
      const split = splitCommand(marked);
      if ('fault' in split) return { fault: split.fault };
      const words = split.command.argv.map((word) =>
        word.replaceAll(/\uE000([\uE100-\uF8FF])/g, (_, mark: string) => holes[mark.charCodeAt(0) - 0xe101] ?? ''),
      );
      if (!words[0]?.startsWith('/') && !RELATIVE_PATH.test(words[0] ?? ''))
        return {
          fault: `must begin with the absolute path of a program, or with ./ or ../, not ${shown(words[0] ?? '')}`,
        };
      return checked(words);
    },
  };
}

/** Position of the same fault in the text of a structure; 0 if quotes change the text. */
function offsetAsWritten(text: string, fault: string): number {
  const found = checked(text);
  return 'fault' in found && found.fault === fault ? (found.offset ?? 0) : 0;
}

const MAX_STRUCTURE = 65_536;

/** A structure, as JSON or YAML, whose texts are templates. */
export function structure(name: string, fallback: Value, help: string): OptionSpec<Value> {
  return {
    name,
    fallback,
    written: fallback === null ? '' : JSON.stringify(fallback),
    takes: 'JSON or YAML; its texts may hold {{ values }}',
    help,
    secret: false,
    parse(text) {
      if (text === '') return { value: fallback };
      if (text.length > MAX_STRUCTURE) return { fault: `is longer than ${MAX_STRUCTURE} characters` };
      let value: unknown;
      try {
        value = parseYaml(text, { maxAliasCount: 0, schema: 'core', prettyErrors: false, stringKeys: true });
        // Only values that JSON can represent.
        value = JSON.parse(JSON.stringify(value));
      } catch (error) {
        const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
        const isKey = error instanceof YAMLParseError && error.code === 'NON_STRING_KEY';
        const fault = isKey
          ? 'has a structure as a name; write the template in quotes: "{{ host_name }}"'
          : `is neither JSON nor YAML: ${reason}`;
        // Reported with a position in the file, like every other problem.
        return error instanceof YAMLParseError ? { fault, offset: Math.min(error.pos[0], text.length) } : { fault };
      }
      const found = checked(value as Value);
      return 'fault' in found ? { fault: found.fault, offset: offsetAsWritten(text, found.fault) } : found;
    },
  };
}
