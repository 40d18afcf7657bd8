import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decideDelivery, Turn } from './delivery-lock.ts';

const file = (pid: number): string => `sender.${pid}.1.boot`;
const LIVING = [2, 4, 6];

describe('whose turn it is', () => {
  it.each([
    ['no process has ever had it', [], 'nobody'],
    ['it is free', ['sender.free'], 'to take'],
    ['it is ours', [file(4)], 'mine'],
    ['a living process has it', [file(6)], 'theirs'],
    ['a dead process had it', [file(3)], 'to take'],
    ['a dead process left one beside ours', [file(3), file(4)], 'mine'],
    ['there are two, and ours is the smaller', [file(6), file(4)], 'mine'],
    ['there are two, and ours is the greater', [file(2), file(4)], 'to yield'],
    ['it is free and a living process has one', ['sender.free', file(2)], 'theirs'],
    ['it is free and we have one', ['sender.free', file(4)], 'mine'],
  ])('%s', (_, names, turn) => {
    expect(decideDelivery(names, file(4), ({ pid }) => LIVING.includes(pid)).turn).toBe(turn);
  });

  it('is passed on when its process leaves it, and taken from a dead process', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'recovery-agent-turn-'));
    try {
      const turn = new Turn(folder);
      expect(await turn.isOurs()).toBe(true);
      expect(await turn.isOurs()).toBe(true);
      await turn.leave();
      expect(readdirSync(folder)).toEqual(['sender.free']);
      rmSync(join(folder, 'sender.free'));
      writeFileSync(join(folder, `sender.${process.pid}.1.another-boot`), '');
      expect(await turn.isOurs()).toBe(true);
      expect(readdirSync(folder)).toHaveLength(1);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
