/** The identity of a pre-shared key on the wire (RFC 8446, 4.2.11): `HOST/GENERATION/SERIAL`. Pure. */
import * as v from 'valibot';
import { HOST_NAME } from '../host-name.ts';
import type { KeyNumber } from './derive.ts';

/** A generation, a serial or a revision, within the limits of `FORM`. */
export const counter = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(999_999_999));

const FORM = /^([^/]+)\/([1-9][0-9]{0,8})\/([1-9][0-9]{0,8})$/;

export interface NamedKey extends KeyNumber {
  readonly host: string;
}

export function formatPskName({ host, generation, serial }: NamedKey): string {
  return `${host}/${generation}/${serial}`;
}

/** Undefined: it is no name of a host's key. */
export function parsePskName(text: string): NamedKey | undefined {
  const [, host = '', generation, serial] = FORM.exec(text) ?? [];
  return HOST_NAME.test(host) ? { host, generation: Number(generation), serial: Number(serial) } : undefined;
}
