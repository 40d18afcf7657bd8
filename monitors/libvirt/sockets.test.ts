import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ScriptedLibvirtd } from '#test/world/scripted-libvirtd.ts';
import { connectToAny, socketsFor } from './sockets.ts';

const SETTINGS = { uri: 'qemu:///system', access: 'read-only' } as const;

test('without an option libvirtd has priority over the daemon whose guests it may own', () => {
  expect(socketsFor('', 'read-only')).toEqual(['/run/libvirt/libvirt-sock-ro', '/run/libvirt/virtqemud-sock-ro']);
  expect(socketsFor('', 'read-write')).toEqual(['/run/libvirt/libvirt-sock', '/run/libvirt/virtqemud-sock']);
});

test('with an option no other socket is used', () => {
  expect(socketsFor('/tmp/sock', 'read-write')).toEqual(['/tmp/sock']);
});

test('a socket that does not respond is skipped', async () => {
  await using libvirtd = await ScriptedLibvirtd.start();
  const connection = await connectToAny([`${libvirtd.path}-other`, libvirtd.path], SETTINGS);
  expect(connection.isOpen).toBe(true);
  connection.close();
});

test('if no socket responds, the error has the reason of each', async () => {
  await using libvirtd = await ScriptedLibvirtd.start();
  libvirtd.authentication = [2];
  const folder = mkdtempSync(join(tmpdir(), 'sockets-'));
  try {
    const attempt = connectToAny([join(folder, 'nowhere'), libvirtd.path], SETTINGS);
    await expect(attempt).rejects.toThrow(/nowhere: there is no such socket.*requires authentication/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('after its signal no further socket is tried', async () => {
  await using libvirtd = await ScriptedLibvirtd.start();
  const settings = { ...SETTINGS, signal: AbortSignal.abort() };
  await expect(connectToAny([libvirtd.path], settings)).rejects.toThrow(/abort/);
  expect(libvirtd.calls).toEqual([]);
});
