/** Secrets come from files that are not open to everybody, read anew each time so that they can be replaced. */
import { readConfigurationFile } from './files.ts';

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
