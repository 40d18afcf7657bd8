import { endGroups } from './process_groups.ts';

/**
 * Ends a lab's processes when the program that started the lab ends, however it ends, SIGKILL included: it holds the
 * other end of our standard input, and the kernel closes that. To be called with the lab's directory and its mark.
 */
const [directory, mark] = process.argv.slice(2);
if (directory === undefined || mark === undefined) throw new Error('reaper.ts needs a directory and a mark.');
process.stdin.resume();
process.stdin.once('end', () => endGroups(directory, mark));
