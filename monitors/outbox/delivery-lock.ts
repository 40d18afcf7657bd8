/**
 * Decides which of the processes that write into one outbox delivers: the one that has the turn.
 *
 * Invariant: one at a time. The turn is a file `sender.PID.START.BOOT` that is passed on by renaming it: a rename succeeds
 * for one process, and the name of a dead process is never used again. If there are two such files (a user removed the
 * first), the smaller name has the turn and the other process yields at its next check. The engine recognizes a report that
 * was sent twice in between.
 */
import { open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, type ProcessName, thisProcess } from '#protocol/process-file.ts';

const FREE = 'sender.free';
const HELD = /^sender\.(\d+)\.(\d+)\.([\w-]+)$/;

export function isTurnName(name: string): boolean {
  return name === FREE || HELD.test(name);
}

export type DeliveryLockDecision =
  | { readonly turn: 'mine' | 'theirs' | 'nobody' | 'to yield' }
  /** No living process has it. */
  | { readonly turn: 'to take'; readonly from: string };

/** @param names of the turn files in the folder. Pure. */
export function decideDelivery(
  names: readonly string[],
  mine: string,
  lives: (process: ProcessName) => boolean,
): DeliveryLockDecision {
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

  /** Takes the turn if no living process has it. Returns whether this process has it. */
  async isOurs(): Promise<boolean> {
    // A round that does not decide means that another process has just changed it.
    for (let round = 0; round < 5; round += 1) {
      const names = (await readdir(this.#folder)).filter(isTurnName);
      const decision = decideDelivery(names, this.#mine, isAlive);
      switch (decision.turn) {
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
          await this.#move(decision.from, this.#mine);
      }
    }
    return false;
  }

  /** Leaves it to the next process, which then need not wait until this process is found dead. */
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
