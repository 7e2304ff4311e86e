import { expect, it } from 'vitest';
import { isLoopback } from './loopback.ts';

it.each([
  ['127.0.0.1', true],
  ['127.8.8.8', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['localhost', true],
  ['127.0.0.1.example.com', false],
  ['127.example', false],
  ['::ffff:127.example', false],
  ['0.0.0.0', false],
  ['::', false],
  ['192.168.1.7', false],
])('a listener on %s is for this machine alone: %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});
