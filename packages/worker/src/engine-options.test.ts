import { expect, it } from 'vitest';
import { computeOptions } from './engine-options.ts';

it('what could change the arithmetic unseen is taken out of the environment, and named once', () => {
  const flags = { TF_XLA_FLAGS: '--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit', XLA_FLAGS: '--xla_dump_to=x' };
  const env = { ...flags, TF_USE_DEEP_CONV2D: '1', ONEDNN_MAX_CPU_ISA: 'AVX2', HOME: '/h' };
  const notes: string[] = [];
  const note = (line: string) => notes.push(line);
  const { environment } = computeOptions({ engine: 'auto' }, 1, env, note);
  expect(environment).toEqual(env);
  expect(environment).toEqual({
    HOME: '/h',
    // Seen by the fingerprint.
    ONEDNN_MAX_CPU_ISA: 'AVX2',
    TF_NUM_INTRAOP_THREADS: '1',
    TF_NUM_INTEROP_THREADS: '1',
    TF_ENABLE_ONEDNN_OPTS: '1',
  });
  const named = 'TF_XLA_FLAGS, XLA_FLAGS, TF_USE_DEEP_CONV2D';
  expect(notes).toEqual([`ignoring ${named}: with it TensorFlow may change its arithmetic in the midst of a run`]);
  computeOptions({ engine: 'auto' }, 1, env, note);
  expect(notes).toHaveLength(1);
});
