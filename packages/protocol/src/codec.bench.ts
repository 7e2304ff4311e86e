import { bench, describe } from 'vitest';
import { decodeWorkerMessage, encode } from './codec.ts';
import type { Result } from './messages.ts';
import { copyFloat32, float32Bytes } from './tensor.ts';

const PARAMETERS = 904_718;
const gradient = Float32Array.from({ length: PARAMETERS }, (_, i) => Math.sin(i) / 1000);
const result: Result = {
  type: 'result',
  run: 'bench',
  incarnation: '1',
  task: 417,
  step: 417,
  block: { start: 4, size: 4 },
  samples: 128,
  lossSum: 200,
  metricSum: 40,
  computeMs: 100,
  gradient: float32Bytes(gradient),
};
const encoded = encode(result);
const received = new Float32Array(PARAMETERS);

describe('a result of 904,718 parameters', () => {
  bench('encoded into a kept buffer', () => void encode(result, encoded));
  bench('encoded into a new buffer', () => void encode(result));
  bench('decoded and checked', () => void decodeWorkerMessage(encoded));
  bench('decoded, checked and copied out', () => {
    const message = decodeWorkerMessage(encoded);
    if (message.type === 'result') copyFloat32(message.gradient, received);
  });
});
