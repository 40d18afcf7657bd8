/** Secrets of a source: from a file that is not open to everybody, read anew each time so that it can be replaced. */
import { readConfigurationFile } from '#config/files.ts';

const MAX_SECRET_CHARACTERS = 4096;

/** The first line of the file. No message holds any of it. @param what what the file should hold, for the message */
export function readSecret(file: string, what: string): string {
  let content: ReturnType<typeof readConfigurationFile>;
  try {
    content = readConfigurationFile(file);
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no regular file';
    throw new Error(`${file} cannot be read (${why}); it should hold ${what}`, { cause });
  }
  if (content === undefined) throw new Error(`${file} does not exist; it should hold ${what}`);
  if ((content.mode & 0o007) !== 0) {
    throw new Error(`${file} holds ${what} and is open to every user of this machine: chmod 640 ${file}`);
  }
  const [line = ''] = new TextDecoder().decode(content.bytes).split(/\r\n|\n|\r/, 1);
  if (line === '') throw new Error(`the first line of ${file} is empty; it should hold ${what}`);
  if (line.length > MAX_SECRET_CHARACTERS || line.includes('\0')) throw new Error(`${file} does not hold ${what}`);
  return line;
}

export function passwordOf(board: { readonly password?: string; readonly password_file?: string }): string {
  return board.password ?? readSecret(board.password_file ?? '', 'the password of a management board');
}
