import { expect, it } from 'vitest';
import { originOf } from './origin.ts';

it.each([
  ['10.0.0.7:50123', '10.0.0.7'],
  ['::ffff:10.0.0.7:50123', '::ffff:10.0.0.7'],
  ['2001:db8:1:2:aaaa::9:50123', '2001:db8:1:2'],
  ['2001:db8:1:2:bbbb:1:2:3:443', '2001:db8:1:2'],
  ['::1:50123', '::1'],
  ['fe80::1:50123', 'fe80'],
  ['memory', 'memory'],
])('a peer at %s is told from others by %s', (remote, origin) => {
  expect(originOf(remote)).toBe(origin);
});
