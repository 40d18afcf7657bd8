/** Completion for bash, made from the commands' own option tables. It needs nothing but bash. */
import { COMMON_OPTIONS, type Command, type OptionHelp } from '#agents/command.ts';
import { COMMANDS } from './commands.ts';

/** The values that an option can have, where they are few. */
export const VALUES: Readonly<Record<string, readonly string[]>> = {
  'engine --log-level': ['debug', 'info', 'warning', 'error'],
  'notify --type': ['COMPUTE_HOST', 'PROCESS', 'VM'],
  'notify --event': ['STARTED', 'STOPPED'],
  'notify --cluster-status': ['ONLINE', 'OFFLINE'],
  'notify --host-status': ['NORMAL', 'UNKNOWN'],
  'list --status': ['new', 'running', 'error', 'failed', 'ignored', 'finished'],
  'simulate --flow': ['host_auto', 'host_rh', 'instance', 'process', 'host_return', 'host_reboot'],
  'host --reserved': ['yes', 'no'],
};

/** What stands for a value in the help when it is the path of a file. */
const PATHS: readonly (string | undefined)[] = ['FILE', 'PATH'];

function spellings([name, { short }]: [string, OptionHelp]): string[] {
  return short ? [`--${name}`, `-${short}`] : [`--${name}`];
}

/** What completes the value of an option: words, files, or nothing that we know. */
function branchOfOption(command: string, option: [string, OptionHelp]): string {
  const [name, { value }] = option;
  const words = VALUES[`${command} --${name}`];
  const action = words
    ? `kind=words words='${words.join(' ')}'`
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
    ...all.filter(([, { type }]) => type === 'string').map((option) => branchOfOption(command, option)),
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
    words='${Object.keys(COMMANDS).join(' ')} help --help --version'
  else
    case \${COMP_WORDS[1]} in
${Object.entries(COMMANDS).map(branchOf).join('\n')}
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
