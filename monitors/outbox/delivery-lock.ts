/**
 * Whose turn it is to deliver, among the processes that write into one outbox.
 *
 * Invariant: one at a time. The turn is a file `sender.PID.START.BOOT` that is handed on by renaming it: a rename succeeds
 * for one, and the name of a dead process never comes back. Should there ever be two such files (somebody removed the
 * first), the smaller name has the turn and the other yields when it looks next; a report that went out twice in between is
 * one to the engine.
 */
import { open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, type ProcessName, thisProcess } from '#protocol/process-file.ts';

const FREE = 'sender.free';
const HELD = /^sender\.(\d+)\.(\d+)\.([\w-]+)$/;

export function isTurnName(name: string): boolean {
  return name === FREE || HELD.test(name);
}

export type TurnVerdict =
  | { readonly turn: 'mine' | 'theirs' | 'nobody' | 'to yield' }
  /** Nobody alive has it. */
  | { readonly turn: 'to take'; readonly from: string };

/** @param names of the files of turns that are there. Pure. */
export function judgeTurn(
  names: readonly string[],
  mine: string,
  lives: (process: ProcessName) => boolean,
): TurnVerdict {
  const held = names.filter((name) => {
    const [, pid, startTime = '', bootId = ''] = HELD.exec(name) ?? [];
    return name === mine || (pid !== undefined && lives({ pid: Number(pid), startTime, bootId }));
  });
  const [first] = held.sort();
  if (first === mine) return { turn: 'mine' };
  if (first !== undefined) return { turn: held.includes(mine) ? 'to yield' : 'theirs' };
  const [left] = [...names].sort();
  return left === undefined ? { turn: 'nobody' } : { turn: 'to take', from: left };
}

export class Turn {
  readonly #folder: string;
  readonly #mine: string;

  constructor(folder: string) {
    const { pid, startTime, bootId } = thisProcess();
    this.#folder = folder;
    this.#mine = `sender.${pid}.${startTime}.${bootId}`;
  }

  /** Takes the turn if nobody alive has it. Returns whether it is ours. */
  async isOurs(): Promise<boolean> {
    // Each round that does not decide means that another process has just changed it.
    for (let round = 0; round < 5; round += 1) {
      const names = (await readdir(this.#folder)).filter(isTurnName);
      const verdict = judgeTurn(names, this.#mine, isAlive);
      switch (verdict.turn) {
        case 'mine':
          return true;
        case 'theirs':
          return false;
        case 'to yield':
          await rm(join(this.#folder, this.#mine), { force: true });
          break;
        case 'nobody':
          await this.#make();
          break;
        case 'to take':
          await this.#move(verdict.from, this.#mine);
      }
    }
    return false;
  }

  /** Leaves it to the next one, who need not wait until this process is seen to be dead. */
  async leave(): Promise<void> {
    await this.#move(this.#mine, FREE);
  }

  async #make(): Promise<void> {
    try {
      await (await open(join(this.#folder, FREE), 'wx', 0o600)).close();
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
  }

  async #move(from: string, to: string): Promise<void> {
    try {
      await rename(join(this.#folder, from), join(this.#folder, to));
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
