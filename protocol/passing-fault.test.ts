import { expect, it } from 'vitest';
import { faultCode, mayPass } from './passing-fault.ts';

const coded = (code: string) => Object.assign(new Error(code), { code });

it.each([
  [coded('ENOSPC'), true],
  [new Error('outer', { cause: coded('EMFILE') }), true],
  [new Error('outer', { cause: { code: 'SQLITE_BUSY_SNAPSHOT' } }), true],
  [coded('EROFS'), false],
  [coded('SQLITE_CORRUPT'), false],
  [new Error('no code'), false],
  [undefined, false],
])('%s may pass: %s', (error, passes) => {
  expect(mayPass(error)).toBe(passes);
});

it('finds the code of the cause', () => {
  expect(faultCode(new Error('a', { cause: new Error('b', { cause: coded('EACCES') }) }))).toBe('EACCES');
});
