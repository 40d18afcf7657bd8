import { expect, it } from 'vitest';
import { errorMessage } from './error-message.ts';

it.each([
  [new Error('no space left'), 'no space left'],
  ['a text', 'a text'],
  [undefined, 'undefined'],
])('the message of %o is %j', (thrown, message) => {
  expect(errorMessage(thrown)).toBe(message);
});
