/**
 * Named places where a test kills the process with SIGKILL: `RECOVERY_AGENT_CRASH_POINT=name` at the first passage, `name:3` at the third.
 * If the variable is unset at start, a point is a call of an empty function.
 */

/** Every point, in the order of a host recovery, and those of a rollback. The crash suite kills the process at each. */
export const CRASH_POINTS = [
  'lease.before-take',
  'lease.after-take',
  'notification.before-accept',
  'notification.after-accept',
  'flow.before-open',
  'flow.after-open',
  'flow.after-resume',
  'flow.before-close',
  'flow.after-close',
  'task.before-start',
  'task.after-start',
  'task.after-run',
  'task.before-undo',
  'task.after-undo',
  'step.after-plan',
  'step.before-intent',
  'step.after-intent',
  'step.after-call',
  'step.after-sent',
  'step.before-outcome',
  'step.after-outcome',
  'writer.after-begin',
  'writer.before-commit',
  'writer.after-commit',
  'writer.before-acknowledge',
  'status.before-rename',
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

function armed(variable: string | undefined): (point: CrashPoint) => void {
  if (!variable) return () => {};
  const [name, passages = '1'] = variable.split(':');
  let left = Number(passages);
  return (point) => {
    if (point === name && --left === 0) process.kill(process.pid, 'SIGKILL');
  };
}

export const crashPoint: (point: CrashPoint) => void = armed(process.env.RECOVERY_AGENT_CRASH_POINT);
