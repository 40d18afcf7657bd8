import { describe, expect, it } from 'vitest';
import { DEFAULT_SEGMENT, type FailoverSegment } from '#config/options/segments.ts';
import { parseNotification } from '#protocol/notification.ts';
import { decideNotification, decideReturnFlow, type ReturnFacts, targetOf } from './notification-decision.ts';

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
    const decision = decideNotification(notification(type, payload), DEFAULT_SEGMENT);
    expect(decision.status).toBe(status);
    expect(decision.reason === null).toBe(status === 'new');
  });

  it("takes an operator's word in place of host_status NORMAL, and nothing else", () => {
    const unproven = notification('COMPUTE_HOST', { event: 'STOPPED' });
    expect(decideNotification(unproven, DEFAULT_SEGMENT, 'operator').status).toBe('new');
    const disabled = { ...DEFAULT_SEGMENT, enabled: false };
    // A gate holds it.
    expect(decideNotification(unproven, disabled, 'operator').status).toBe('new');
    expect(decideNotification(unproven, disabled).status).toBe('ignored');
  });

  it('takes a host that came back for a recovery where there may be something to run', () => {
    const back = notification('COMPUTE_HOST', { event: 'STARTED' });
    const decide = (facts: Partial<ReturnFacts>, segment: FailoverSegment | undefined = DEFAULT_SEGMENT) =>
      decideNotification(back, segment, 'none', { returnTasks: false, rebootTasks: true, failure: null, ...facts });
    expect(decide({})).toEqual({ status: 'finished', reason: "Host 'c1' came back." });
    expect(decide({ returnTasks: true })).toEqual({ status: 'new', reason: null });
    for (const failure of ['new', 'running', 'error', 'failed', 'ignored'] as const) {
      expect(decide({ failure }).status).toBe('new');
      expect(decide({ failure, rebootTasks: false }).status).toBe('finished');
    }
    expect(decide({ failure: 'finished' }).status).toBe('finished');
    expect(decide({ returnTasks: true }, { ...DEFAULT_SEGMENT, enabled: false }).status).toBe('ignored');
    const facts = { returnTasks: true, rebootTasks: true, failure: null };
    expect(decideNotification(back, undefined, 'none', facts).status).toBe('ignored');
  });

  it('starts in place the instances of a host that came back before its recovery had started', () => {
    const both = { returnTasks: true, rebootTasks: true };
    const failure = { status: 'ignored', hasStarted: false, order: 'return newer' } as const;
    expect(decideReturnFlow('c1', failure, false, both)).toEqual({ flow: 'host_reboot' });
    expect(decideReturnFlow('c1', { ...failure, status: 'failed' }, false, both)).toEqual({ flow: 'host_reboot' });
    expect(decideReturnFlow('c1', failure, false, { ...both, rebootTasks: false })).toEqual({ flow: 'host_return' });
    // Its instances were moved, or there were none.
    expect(decideReturnFlow('c1', { ...failure, hasStarted: true }, false, both)).toEqual({ flow: 'host_return' });
    expect(decideReturnFlow('c1', { ...failure, status: 'finished' }, false, both)).toEqual({ flow: 'host_return' });
    expect(decideReturnFlow('c1', null, false, both)).toEqual({ flow: 'host_return' });
    expect(decideReturnFlow('c1', null, false, { ...both, returnTasks: false })).toEqual({
      flow: null,
      status: 'finished',
      reason: "Host 'c1' came back.",
    });
    // A late report: what it reports is over, and nothing is sent to a host that was evacuated since.
    const over = { flow: null, status: 'ignored', reason: "Host 'c1' came back, but has failed again since." };
    expect(decideReturnFlow('c1', { ...failure, hasStarted: true, order: 'in doubt' }, false, both)).toEqual(over);
    expect(decideReturnFlow('c1', failure, true, both)).toEqual(over);
    expect(decideReturnFlow('c1', null, true, both)).toEqual(over);
  });

  it('works on the host or on the instance, with any case of its UUID', () => {
    expect(targetOf(notification('COMPUTE_HOST', { event: 'STOPPED' }))).toBe('host:c1');
    expect(targetOf(notification('PROCESS', { event: 'STOPPED', process_name: 'p' }))).toBe('host:c1');
    const upper = { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: INSTANCE.toUpperCase() };
    expect(targetOf(notification('VM', upper))).toBe(`instance:${INSTANCE}`);
  });
});
