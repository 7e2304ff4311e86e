import { expect, it } from 'vitest';
import { computeOptions } from './engine-options.ts';

it('what would change the arithmetic in the midst of a run is taken out of the environment', () => {
  const env = { TF_XLA_FLAGS: '--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit', XLA_FLAGS: '--xla_dump_to=x', HOME: '/h' };
  const { environment } = computeOptions({ engine: 'auto' }, 1, env);
  expect(environment).toEqual(env);
  expect(environment).toEqual({
    HOME: '/h',
    TF_NUM_INTRAOP_THREADS: '1',
    TF_NUM_INTEROP_THREADS: '1',
    TF_ENABLE_ONEDNN_OPTS: '1',
  });
});
