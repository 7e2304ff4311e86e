import { expect, it } from 'vitest';
import { profileOf } from './loop-profile.ts';

it('adds oneDNN’s times up by kind, per image, from where the loop was warm', () => {
  const exec = (kind: string, ms: string) =>
    `onednn_verbose,v1,primitive,exec,cpu,${kind},jit:avx2,undef,src,,,64x10,${ms}`;
  const output = [
    'onednn_verbose,v1,info,oneDNN v3.7.3 (commit N/A)',
    exec('convolution', '1000'),
    '{}',
    exec('convolution', '30.5'),
    exec('gemm_api', '2'),
    exec('convolution', '9.5'),
    '{"samplesPerSecond":50,"best":60,"samplesPerCpuSecond":62.5,"images":10}',
    '',
  ].join('\n');
  expect(profileOf(output)).toEqual({ ms: 20, cpuMs: 16, kernels: { convolution: 4, gemm_api: 0.2 } });
});
