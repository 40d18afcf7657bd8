import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { VERSION } from '#agents/version.ts';
import { changesOf, wrap } from './changes.ts';

const CHANGELOG = `# Changelog

## 0.2.0 (unreleased)

What it is about.

- First point
  on two lines.
- Second.

And why:

- Third.

## 0.1.0

- Old.
`;

describe('the changelog', () => {
  it('gives the points of one version', () => {
    expect(changesOf('0.2.0', CHANGELOG)).toEqual(['First point on two lines.', 'Second.', 'Third.']);
    expect(changesOf('0.1.0', CHANGELOG)).toEqual(['Old.']);
  });

  it('refuses a version that it does not know', () => {
    expect(() => changesOf('0.2', CHANGELOG)).toThrow('CHANGELOG.md has no section "## 0.2"');
  });

  it('of this checkout knows its version', () => {
    const changelog = readFileSync(new URL('../../CHANGELOG.md', import.meta.url), 'utf8');
    expect(changesOf(VERSION, changelog).length).toBeGreaterThan(0);
  });
});

describe('wrapping', () => {
  it('breaks at blanks and leaves long words whole', () => {
    expect(wrap('one two three four', 9, '  ')).toBe('one two\n  three\n  four');
    expect(wrap('incomprehensibility is long', 10, '')).toBe('incomprehensibility\nis long');
    expect(wrap('', 10, '')).toBe('');
  });
});
