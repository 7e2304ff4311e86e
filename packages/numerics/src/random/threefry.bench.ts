import { bench, describe } from 'vitest';
import { randomStream, streamKey } from './stream.ts';
import { threefry2x32 } from './threefry.ts';

const block = new Uint32Array(2);
const stream = randomStream(1, 2);

describe('a thousand draws', () => {
  bench('blocks of two words', () => {
    for (let counter = 0; counter < 1_000; counter++) threefry2x32(1, 2, counter, 0, block);
  });
  bench('uniform numbers of one stream', () => {
    for (let n = 0; n < 1_000; n++) stream.unit();
  });
  bench('keys of streams with three coordinates', () => {
    for (let position = 0; position < 1_000; position++) streamKey(1, 3, 0, position);
  });
});
