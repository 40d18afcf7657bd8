import { expect, it } from 'vitest';
import { addressesIn, filledAddresses } from './address.ts';

const VALUES = { team: ['a@example.org', 'b@example.org'], host: 'c1', evil: 'x@evil.example,y', word: 'owners' };
const addressed = (to: string) => addressesIn(filledAddresses(to, VALUES), to);

it.each([
  ['ops@example.org, {{ team }}', ['ops@example.org', 'a@example.org', 'b@example.org']],
  ['{{ team | lines }}', ['a@example.org', 'b@example.org']],
  ['ops+{{ host }}@example.org', ['ops+c1@example.org']],
  ['Ops <ops@example.org>,{{ team.0 }}', ['ops@example.org', 'a@example.org']],
])('%s goes to whom it names', (to, addresses) => {
  expect(addressed(to)).toEqual({ addresses });
});

it.each(['ops+{{ evil }}@example.org', 'ops@example.org,x{{ evil }}', '{{ host }}{{ evil }}', 'Ops <{{ evil }}>'])(
  'a value does not break out of the address in %s',
  (to) => {
    expect(() => addressed(to)).toThrow('"x@evil.example,y" cannot stand within an address');
  },
);

it('a value is no word for the owners', () => {
  expect(addressed('{{ word }}')).toMatchObject({ fault: expect.stringContaining('is no mail address') });
});

it.each(['root@localhost', 'ops/night@mail.example.org', 'ops%shift@relay.example.org'])(
  'the definition may name %s, a value may not',
  (address) => {
    expect(addressesIn(address, address)).toEqual({ addresses: [address] });
    const given = filledAddresses('a@example.org, {{ given }}', { given: address });
    expect(addressesIn(given, 'a@example.org, {{ given }}')).toEqual({
      fault: `its item 2 is no address that a value may give: "${address}"`,
    });
  },
);
