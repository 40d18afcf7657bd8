import { describe, expect, it } from 'vitest';
import { canonicalPayload, parseNotification } from './notification.ts';

function hostBody(change: Record<string, unknown> = {}): { notification: Record<string, unknown> } {
  return {
    notification: {
      type: 'COMPUTE_HOST',
      hostname: 'c1',
      generated_time: '2026-11-21T08:05:44.646000',
      payload: { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' },
      ...change,
    },
  };
}

describe('a notification', () => {
  it('is read as the monitors of Masakari send it, its time being UTC', () => {
    const read = parseNotification(hostBody());
    expect(read.hostname).toBe('c1');
    expect(read.generated_time.toISOString()).toBe('2026-11-21T08:05:44.646Z');
  });

  it.each([
    ['notification', {}],
    ['notification', []],
    ['notification.type', hostBody({ type: 'RACK' })],
    ['notification.hostname', hostBody({ hostname: 'c1;reboot' })],
    ['notification.hostname', hostBody({ hostname: 'c'.repeat(256) })],
    ['notification.hostname', hostBody({ hostname: '' })],
    ['notification.generated_time', hostBody({ generated_time: 'yesterday' })],
    ['notification.generated_time', hostBody({ generated_time: '2026-13-45T00:00:00' })],
    ['notification.generated_time', hostBody({ generated_time: '2026-02-30T00:00:00' })],
    ['notification.payload.event', hostBody({ payload: {} })],
    ['notification.payload.event', hostBody({ payload: { event: 'DIED' } })],
    ['notification.payload.host_status', hostBody({ payload: { event: 'STOPPED', host_status: 'FINE' } })],
    ['notification.payload.colour', hostBody({ payload: { event: 'STOPPED', colour: 'red' } })],
    ['notification.priority', hostBody({ priority: 1 })],
    ['notification.payload.process_name', hostBody({ type: 'PROCESS', payload: { event: 'STOPPED' } })],
    [
      'notification.payload.instance_uuid',
      hostBody({ type: 'VM', payload: { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: '7' } }),
    ],
  ])('is refused with the name of the field: %s', (field, body) => {
    expect(() => parseNotification(body)).toThrow(expect.objectContaining({ name: 'InvalidNotification', field }));
  });

  it('has one text for equal payloads, for any order of their keys', () => {
    const one = parseNotification(hostBody());
    const other = parseNotification(
      hostBody({ payload: { host_status: 'NORMAL', event: 'STOPPED', cluster_status: 'OFFLINE' } }),
    );
    expect(canonicalPayload(one)).toBe(canonicalPayload(other));
  });
});
