/** Completion for bash, made from the commands' own option tables. It needs nothing but bash. */
import { COMMON_OPTIONS, type Command, type OptionHelp } from '#agents/command.ts';
import { COMMANDS } from './commands.ts';

/** Placeholder in the help of a value that is the path of a file. */
const PATHS: readonly (string | undefined)[] = ['FILE', 'PATH'];

function spellings([name, { short }]: [string, OptionHelp]): string[] {
  return short ? [`--${name}`, `-${short}`] : [`--${name}`];
}

/** Completion of the value of an option: words, files, or none. */
function branchOfOption(option: [string, OptionHelp]): string {
  const [, { value, values }] = option;
  const action = values
    ? `kind=words words='${values.join(' ')}'`
    : `kind=${PATHS.includes(value) ? 'files' : 'unknown'}`;
  return `          ${spellings(option).join(' | ')}) ${action} ;;`;
}

function branchOf([command, { options, positionals }]: [string, Command]): string {
  const all = Object.entries({ ...options, ...COMMON_OPTIONS });
  const isForFiles = PATHS.some((path) => path !== undefined && positionals.includes(path));
  return [
    `      ${command})`,
    `        words='${all.map(([name]) => `--${name}`).join(' ')}'`,
    ...(isForFiles ? ['        [[ $current == -* ]] || kind=files'] : []),
    '        case $before in',
    ...all.filter(([, { type }]) => type === 'string').map(branchOfOption),
    '        esac',
    '        ;;',
  ].join('\n');
}

/** Bash takes "=" for a word of its own: "--option=value" is three. */
export function renderCompletion(): string {
  return `# bash completion for recovery-agent
_recovery_agent() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]}
  local kind=words words=''
  if [[ $current == '=' ]]; then
    current=''
  elif [[ $before == '=' ]]; then
    before=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    words='${[...COMMANDS.keys()].join(' ')} help --help --version'
  else
    case \${COMP_WORDS[1]} in
${[...COMMANDS].map(branchOf).join('\n')}
    esac
  fi
  case $kind in
    words) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current") ;;
    files)
      compopt -o filenames 2> /dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      ;;
  esac
}
complete -F _recovery_agent recovery-agent
`;
}
