import { probe } from '../../tasks/registry.ts';

export const used = probe;
