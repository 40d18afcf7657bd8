import { describe, expect, it } from 'vitest';
import { isAddress, isOthersAddress } from './mail-address.ts';

describe('an address that its owner chose', () => {
  it.each([
    'alice@example.org',
    'alice.b+nova@sub.example.org',
    "o'brien@example.org",
    'a=b@example.org',
    '_x@example.org',
    'jürgen@example.org',
    'alice@bücher.example',
    'alice@xn--bcher-kva.example',
    'ALICE@EXAMPLE.ORG',
  ])('may be %s', (address) => {
    expect(isOthersAddress(address)).toBe(true);
  });

  it.each([
    ['a local user', 'root'],
    ['a local user of a machine', 'root@localhost'],
    ['a local user of a short name', 'root@controller-1'],
    ['a local user of Red Hat', 'root@localhost.localdomain'],
    ['a local user by IPv6', 'root@localhost6.localdomain6'],
    ['a local user of this machine', 'root@controller-1.example.org'],
    ['a literal address', 'root@[127.0.0.1]'],
    ['an address', 'root@127.0.0.1'],
    ['an address in another form', 'root@0x7f.1'],
    ['an address in one number', 'root@2130706433'],
    ['a dot of the root', 'root@localhost.'],
    ['letters that are read as others', 'root@ｌｏｃａｌｈｏｓｔ.example.org'],
    ['a full-width dot', 'root@localhost．example.org'],
    ['a pipe', '|/bin/sh@example.org'],
    ['a pipe in the middle', 'a|id@example.org'],
    ['a file', '/etc/passwd@example.org'],
    ['an include', ':include:/etc/passwd@example.org'],
    ['a quoted name', '"|/bin/sh"@example.org'],
    ['a quoted space', '"a b"@example.org'],
    ['an escape', 'a\\@b@example.org'],
    ['a source route', '@relay.example.org:a@example.org'],
    ['a percent route', 'a%example.net@example.org'],
    ['a bang path', 'example.net!a@example.org'],
    ['two at signs', 'a@example.net@example.org'],
    ['a list', 'a@example.org,b@example.org'],
    ['a list with semicolons', 'a@example.org;b@example.org'],
    ['a group', 'all:a@example.org;'],
    ['a name beside it', 'A <a@example.org>'],
    ['a comment', 'a(b)@example.org'],
    ['a header', 'a@example.org\r\nBcc: b@example.net'],
    ['a command', 'a@example.org>\r\nRCPT TO:<b@example.net'],
    ['a NUL', 'a\0@example.org'],
    ['a change of direction', 'a\u202eb@example.org'],
    ['an option', '-oQ/tmp@example.org'],
    ['an expansion of Exim', `$\{run{id}}@example.org`],
    ['a backquote', '`id`@example.org'],
    ['a home directory', '~root@example.org'],
    ['dots at an end', '.a@example.org'],
    ['dots at the other end', 'a.@example.org'],
    ['two dots', 'a..b@example.org'],
    ['an empty label', 'a@example..org'],
    ['a label with a hyphen at its end', 'a@example-.org'],
    ['an underscore in the domain', 'a@exa_mple.org'],
    ['a long name', `${'x'.repeat(65)}@example.org`],
    ['a long name in bytes', `${'ü'.repeat(33)}@example.org`],
    ['a long domain', `a@${'x'.repeat(64)}.org`],
    ['a long address', `a@${'x.'.repeat(130)}org`],
  ])('is refused with %s', (_, address) => {
    expect(isOthersAddress(address, ['controller-1.example.org'])).toBe(false);
  });
});

it('an operator may write to a local user, and not more than one', () => {
  expect(isAddress('root@localhost')).toBe(true);
  expect(isAddress('root@localhost,b@example.org')).toBe(false);
});
