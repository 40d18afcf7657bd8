/** Ids of executions: derived from the task, so that every engine finds the execution that another one started. */
import { createHash } from 'node:crypto';

/** The namespace of these ids; any fixed UUID. */
const NAMESPACE = Buffer.from('4d5f2a0c8b7e4e0d9f6b1c3a5e7d9f21', 'hex');

/**
 * A UUID of version 5 (RFC 9562), hash of the namespace and the name.
 * @param number counts the executions of one step: 1, and one more after each that failed
 */
export function executionId(stepKey: string, number: number): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(`${stepKey}#${number}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
