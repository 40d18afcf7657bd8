/** For tests: a folder with an inventory, and options that name it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { DEFAULT_OPTIONS, type EngineOptions } from '#config/options/options.ts';

export interface SourcePlace {
  readonly folder: string;
  readonly options: EngineOptions;
  /** Writes a file into the folder; gives its path. */
  write(name: string, content: string, mode?: number): string;
}

export function sourcePlace(inventory: string, change: Partial<EngineOptions['hostSources']> = {}): SourcePlace {
  const folder = mkdtempSync(join(tmpdir(), 'sources-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const write = (name: string, content: string, mode = 0o600) => {
    const path = join(folder, name);
    writeFileSync(path, content, { mode });
    return path;
  };
  const file = write('hosts.yaml', inventory.replaceAll('FOLDER', folder));
  const hostSources = { ...DEFAULT_OPTIONS.hostSources, inventory: file, ...change };
  return { folder, options: { ...DEFAULT_OPTIONS, hostSources }, write };
}
