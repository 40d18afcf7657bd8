import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { makeTemporaryDirectory } from './temporary-directory.ts';

afterEach(() => vi.unstubAllEnvs());

test('a directory below TMPDIR, closed to other users', () => {
  const place = mkdtempSync(join(tmpdir(), 'recovery-agent-place-'));
  vi.stubEnv('TMPDIR', place);
  for (const lasts of ['short', 'long'] as const) {
    const made = makeTemporaryDirectory('x-', lasts);
    expect([dirname(made), statSync(made).mode & 0o777]).toEqual([place, 0o700]);
  }
  rmSync(place, { recursive: true });
});

test('a TMPDIR that does not exist keeps nothing from running', () => {
  vi.stubEnv('TMPDIR', '/nonexistent/here');
  const made = makeTemporaryDirectory('recovery-agent-test-');
  expect(existsSync(made)).toBe(true);
  rmSync(made, { recursive: true });
});
