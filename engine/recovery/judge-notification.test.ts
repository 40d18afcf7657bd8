import { describe, expect, it } from 'vitest';
import { DEFAULT_SEGMENT, type FailoverSegment } from '#config/segments.ts';
import { parseNotification } from '#protocol/notification.ts';
import { judgeNotification, targetOf } from './judge-notification.ts';

const INSTANCE = '177c88b4-47ae-4579-bdba-43a820d8d3b3';

function notification(type: string, payload: Record<string, string>) {
  return parseNotification({
    notification: { type, hostname: 'c1', generated_time: '2026-11-21T08:00:00', payload },
  });
}

describe('a notification is recovered by the rules of Masakari', () => {
  it.each([
    ['COMPUTE_HOST', { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' }, 'new'],
    ['COMPUTE_HOST', { event: 'STOPPED', host_status: 'UNKNOWN' }, 'ignored'],
    ['COMPUTE_HOST', { event: 'STOPPED' }, 'ignored'],
    ['COMPUTE_HOST', { event: 'STARTED', host_status: 'NORMAL' }, 'finished'],
    ['PROCESS', { event: 'STOPPED', process_name: 'nova-compute' }, 'new'],
    ['PROCESS', { event: 'STOPPED', process_name: 'libvirtd' }, 'finished'],
    ['PROCESS', { event: 'STARTED', process_name: 'nova-compute' }, 'finished'],
    ['VM', { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: INSTANCE }, 'new'],
    ['VM', { event: 'QEMU_GUEST_AGENT_ERROR', vir_domain_event: 'STOPPED_FAILED', instance_uuid: INSTANCE }, 'new'],
    ['VM', { event: 'IO_ERROR', vir_domain_event: 'IO_ERROR_REPORT', instance_uuid: INSTANCE }, 'new'],
    ['VM', { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_DESTROYED', instance_uuid: INSTANCE }, 'ignored'],
    ['VM', { event: 'REBOOT', vir_domain_event: 'UNKNOWN', instance_uuid: INSTANCE }, 'ignored'],
  ])('%s %j is %s', (type, payload, status) => {
    const verdict = judgeNotification(notification(type, payload), DEFAULT_SEGMENT);
    expect(verdict.status).toBe(status);
    expect(verdict.reason === null).toBe(status === 'new');
  });

  it("takes an operator's word in place of host_status NORMAL, and nothing else", () => {
    const unproven = notification('COMPUTE_HOST', { event: 'STOPPED' });
    expect(judgeNotification(unproven, DEFAULT_SEGMENT, 'operator').status).toBe('new');
    const disabled = { ...DEFAULT_SEGMENT, enabled: false };
    expect(judgeNotification(unproven, disabled, 'operator').status).toBe('ignored');
  });

  it('takes a host that came back for a recovery where there is something to run, and nothing has failed since', () => {
    const back = notification('COMPUTE_HOST', { event: 'STARTED' });
    const judge = (tasks: number, failed: string | null, segment: FailoverSegment | undefined = DEFAULT_SEGMENT) =>
      judgeNotification(back, segment, 'none', { tasks, failedAt: failed === null ? null : Date.parse(failed) });
    expect(judge(0, null)).toEqual({ status: 'finished', reason: "Host 'c1' came back." });
    expect(judge(1, null)).toEqual({ status: 'new', reason: null });
    expect(judge(1, '2026-11-21T07:59:59Z').status).toBe('new');
    expect(judge(1, '2026-11-21T08:00:01Z')).toEqual({
      status: 'finished',
      reason: "Host 'c1' came back, but has failed again since.",
    });
    expect(judge(1, null, { ...DEFAULT_SEGMENT, enabled: false }).status).toBe('ignored');
    expect(judgeNotification(back, undefined, 'none', { tasks: 1, failedAt: null }).status).toBe('ignored');
  });

  it('works on the host or on the instance, whatever the case of its UUID', () => {
    expect(targetOf(notification('COMPUTE_HOST', { event: 'STOPPED' }))).toBe('host:c1');
    expect(targetOf(notification('PROCESS', { event: 'STOPPED', process_name: 'p' }))).toBe('host:c1');
    const upper = { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: INSTANCE.toUpperCase() };
    expect(targetOf(notification('VM', upper))).toBe(`instance:${INSTANCE}`);
  });
});
