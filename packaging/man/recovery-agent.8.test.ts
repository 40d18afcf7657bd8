import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { COMMON_OPTIONS } from '#agents/command.ts';
import { EXIT } from '#agents/exit-codes.ts';
import { COMMANDS } from '../completion/commands.ts';

const SOURCE = readFileSync(new URL('./recovery-agent.8', import.meta.url), 'utf8');

/** The text below a heading, to the next one of its kind. */
function below(macro: '.Sh' | '.Ss', heading: string, text: string): string {
  const [, ...parts] = text.split(new RegExp(`^\\${macro} `, 'm'));
  const part = parts.find((one) => one.split('\n', 1)[0] === heading);
  if (part === undefined) throw new Error(`the manual has no ${macro} ${heading}`);
  return part;
}

/** Options as they head an item: `--name VALUE`, short ones left out. */
function itemsOf(text: string): string[] {
  return Array.from(text.matchAll(/^\.It (?:Fl \w.*, )?Fl -([\w-]+)(?: Ar (\S+))?$/gm), ([, name, value]) =>
    value ? `--${name} ${value}` : `--${name}`,
  );
}

function shortsOf(text: string): string[] {
  return Array.from(text.matchAll(/^\.It Fl (\w)\b.*, Fl -([\w-]+)/gm), ([, short, name]) => `-${short} --${name}`);
}

const commands = below('.Sh', 'COMMANDS', SOURCE);

describe('the manual', () => {
  it.each([...COMMANDS.values()])('has $name with its options, and no other', ({ name, positionals, options }) => {
    const argument = positionals.startsWith('[') ? ` Op Ar ${positionals.slice(1, -1)}` : ` Ar ${positionals}`;
    const part = below('.Ss', positionals ? name + argument : name, commands);
    const entries = Object.entries(options);
    expect(itemsOf(part)).toEqual(
      entries.map(([option, { value }]) => (value ? `--${option} ${value}` : `--${option}`)),
    );
    const short = entries.flatMap(([option, help]) => (help.short ? [`-${help.short} --${option}`] : []));
    expect(shortsOf(part)).toEqual(short);
  });

  it('has every command in the order of the help, then what is no command', () => {
    const headings = Array.from(commands.matchAll(/^\.Ss (.+)$/gm), ([, heading]) => heading?.split(' ', 1)[0]);
    expect(headings).toEqual([...COMMANDS.keys(), 'help', 'Fl']);
  });

  it('has the options that every command takes', () => {
    const [head = ''] = commands.split(/^\.Ss /m);
    expect(itemsOf(head)).toEqual(
      Object.entries(COMMON_OPTIONS).map(([name, { value }]) => (value ? `--${name} ${value}` : `--${name}`)),
    );
    expect(shortsOf(head)).toEqual(Object.entries(COMMON_OPTIONS).map(([name, { short }]) => `-${short} --${name}`));
  });

  it('has every exit code', () => {
    const codes = Array.from(below('.Sh', 'EXIT STATUS', SOURCE).matchAll(/^\.It (\d+)$/gm), ([, code]) =>
      Number(code),
    );
    expect(codes).toEqual(Object.values(EXIT));
  });
});
