import { describe, expect, it } from 'vitest';
import { colorsFor } from './colors.ts';

const terminal = { isTTY: true };
const file = {};

describe('colorsFor', () => {
  it.each<[string, object, NodeJS.ProcessEnv, boolean]>([
    ['a terminal has colours', terminal, {}, true],
    ['a file has none', file, {}, false],
    ['a file has none in a CI either', file, { CI: 'true' }, false],
    ['NO_COLOR takes them from a terminal', terminal, { NO_COLOR: '1' }, false],
    ['an empty NO_COLOR says nothing', terminal, { NO_COLOR: '' }, true],
    ['a terminal that is dumb has none', terminal, { TERM: 'dumb' }, false],
    ['FORCE_COLOR gives them to a file', file, { FORCE_COLOR: '1' }, true],
    ['FORCE_COLOR comes before NO_COLOR, as in Node', file, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
    ['FORCE_COLOR=0 takes them', terminal, { FORCE_COLOR: '0' }, false],
  ])('%s', (_, stream, environment, expected) => {
    expect(colorsFor(stream, environment).isColorSupported).toBe(expected);
  });
});
