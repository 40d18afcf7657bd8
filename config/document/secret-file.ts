/** Reads secrets from files that not every user can read, again each time so that they can be replaced. */
import { readTrustedFile, whyUnusable } from './files.ts';

const MAX_SECRET_CHARACTERS = 4096;

/** The first line of the file. No message holds any of it. @param what what the file should hold, for the message */
export function readSecret(file: string, what: string): string {
  let content: ReturnType<typeof readTrustedFile>;
  try {
    content = readTrustedFile(file);
  } catch (cause) {
    const why = whyUnusable(cause);
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
