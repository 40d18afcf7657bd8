import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { Place } from '#test/journal/place.ts';
import { StatusFile, statusFileOf } from './status-file.ts';

function shown(place: Place): unknown {
  return JSON.parse(readFileSync(join(place.directory, 'status.json'), 'utf8'));
}

function opened(place: Place): StatusFile & AsyncDisposable {
  const file = new StatusFile(place.path);
  return Object.assign(file, { [Symbol.asyncDispose]: () => file.close() });
}

test('is beside the journal and is readable by its group alone', async () => {
  using place = new Place();
  expect(statusFileOf(place.path)).toBe(join(place.directory, 'status.json'));
  await using file = opened(place);
  await file.write({ epoch: 1 });
  expect(shown(place)).toEqual({ epoch: 1 });
  expect(statSync(statusFileOf(place.path)).mode & 0o027).toBe(0);
  expect(readdirSync(place.directory)).toEqual(['status.json']);
});

test('of several in a row ends with the last, and each promise means: this or a newer one is there', async () => {
  using place = new Place();
  await using file = opened(place);
  const seen: number[] = [];
  const writes = Array.from({ length: 50 }, (_, n) =>
    file.write({ n }).then(() => {
      seen.push((shown(place) as { n: number }).n - n);
    }),
  );
  await Promise.all(writes);
  expect(seen.every((ahead) => ahead >= 0)).toBe(true);
  expect(shown(place)).toEqual({ n: 49 });
});

test('loses none that is given at the very moment another is done', async () => {
  using place = new Place();
  await using file = opened(place);
  for (let n = 0; n < 20; n += 2) {
    // As many microtasks later as there may be between the rename and the end of the promise.
    let ticks = Promise.resolve();
    const first = file.write({ n });
    for (let tick = 0; tick < n; tick++) ticks = ticks.then(() => {});
    await Promise.all([first, ticks]);
    await file.write({ n: n + 1 });
    expect(shown(place)).toEqual({ n: n + 1 });
  }
});

test('is never seen half written', async () => {
  using place = new Place();
  await using file = opened(place);
  await file.write({ n: -1, filler: '' });
  let isDone = false;
  const writing = (async () => {
    for (let n = 0; n < 100; n++) await file.write({ n, filler: 'x'.repeat(n * 1000) });
    isDone = true;
  })();
  let reads = 0;
  while (!isDone) {
    const { n, filler } = shown(place) as { n: number; filler: string };
    expect(filler.length).toBe(Math.max(0, n) * 1000);
    reads += 1;
    await new Promise(setImmediate);
  }
  await writing;
  expect(reads).toBeGreaterThan(10);
});

test('that cannot be written is reported, leaves the old one, and is written again afterwards', async () => {
  using place = new Place();
  await using file = opened(place);
  await file.write({ n: 1 });
  const [path, kept] = [join(place.directory, 'status.json'), join(place.directory, 'kept')];
  renameSync(path, kept);
  mkdirSync(path);
  await expect(file.write({ n: 2 })).rejects.toThrow(/EISDIR/);
  expect(readdirSync(place.directory).filter((name) => name.endsWith('.new'))).toEqual([]);
  rmdirSync(path);
  renameSync(kept, path);
  expect(shown(place)).toEqual({ n: 1 });
  await file.write({ n: 3 });
  expect(shown(place)).toEqual({ n: 3 });
});

test('that cannot be put into JSON fails alone', async () => {
  using place = new Place();
  await using file = opened(place);
  await expect(file.write({ n: 1n })).rejects.toThrow(TypeError);
  await file.write({ n: 2 });
  expect(shown(place)).toEqual({ n: 2 });
});

test('is written to its old place, with any other directory under its name now', async () => {
  using place = new Place();
  await using file = opened(place);
  await file.write({ n: 1 });
  const moved = join(place.directory, '..', `${basename(place.directory)}-moved`);
  renameSync(place.directory, moved);
  mkdirSync(place.directory);
  try {
    await file.write({ n: 2 });
    expect(readdirSync(place.directory)).toEqual([]);
    expect(JSON.parse(readFileSync(join(moved, 'status.json'), 'utf8'))).toEqual({ n: 2 });
  } finally {
    rmdirSync(place.directory);
    renameSync(moved, place.directory);
  }
});

test('that is closed takes nothing more', async () => {
  using place = new Place();
  const file = new StatusFile(place.path);
  await file.write({ n: 1 });
  await Promise.all([file.close(), file.close()]);
  await expect(file.write({ n: 2 })).rejects.toThrow('closed');
  expect(shown(place)).toEqual({ n: 1 });
});
