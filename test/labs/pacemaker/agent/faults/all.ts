/** Every fault of the table. */
import type { Fault } from '../fault.ts';
import { CALLER_FAULTS } from './callers.ts';
import { FILE_FAULTS } from './files.ts';
import { CLUSTER_FAULTS } from './parameters.ts';
import { PROCESS_FAULTS } from './processes.ts';
import { STORAGE_FAULTS } from './storage.ts';

export const FAULTS: readonly Fault[] = [
  ...PROCESS_FAULTS,
  ...CLUSTER_FAULTS,
  ...FILE_FAULTS,
  ...STORAGE_FAULTS,
  ...CALLER_FAULTS,
];
