import { chmodSync, mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSecret } from './secret-file.ts';

function withFile(content: string, mode: number, use: (file: string) => void): void {
  using directory = mkdtempDisposableSync(join(tmpdir(), 'recovery-agent-test-'));
  const file = join(directory.path, 'secret');
  writeFileSync(file, content);
  chmodSync(file, mode);
  use(file);
}

describe('a secret', () => {
  test('is the first line of its file, read again each time', () => {
    withFile('one\r\nrest\n', 0o640, (file) => {
      expect(readSecret(file, 'a token')).toBe('one');
      writeFileSync(file, 'two');
      expect(readSecret(file, 'a token')).toBe('two');
    });
  });

  test('is not read from a file that every user can read, and the message does not contain it', () => {
    withFile('hush', 0o644, (file) => {
      expect(() => readSecret(file, 'a token')).toThrow(
        `${file} holds a token and is open to every user of this machine: chmod 640 ${file}`,
      );
    });
  });

  test('is reported as missing by name if its file does not exist, is empty or is no file', () => {
    expect(() => readSecret('/no/such/file', 'a token')).toThrow(
      '/no/such/file does not exist; it should hold a token',
    );
    withFile('\nhush', 0o600, (file) => {
      expect(() => readSecret(file, 'a token')).toThrow(`the first line of ${file} is empty; it should hold a token`);
    });
    expect(() => readSecret('/dev/null', 'a token')).toThrow('/dev/null cannot be read (/dev/null is no regular file)');
  });

  test('has a limited length', () => {
    withFile('x'.repeat(5000), 0o600, (file) => {
      expect(() => readSecret(file, 'a token')).toThrow(/^\S+ does not hold a token$/);
    });
  });
});
