import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { OptimizerConfig, ScheduleConfig } from '@convoy/protocol/run-config';
import { createOptimizer, DEFAULT_OPTIMIZERS, type OptimizerState } from '@convoy/training/optimizer/optimizer';
import { emptyLike, zeroState } from '@convoy/training/optimizer/state.fixture';
import { scheduledRate } from '@convoy/training/learning-rate';

/** What make_optimizer_fixture.py writes. */
interface Fixture {
  readonly keras: string;
  readonly initial: readonly number[];
  readonly gradients: readonly (readonly number[])[];
  readonly optimizers: readonly {
    readonly name: OptimizerConfig['name'];
    readonly settings: Partial<OptimizerConfig>;
    readonly final: readonly number[];
  }[];
  readonly base: number;
  readonly totalSteps: number;
  readonly schedules: readonly { readonly schedule: Partial<ScheduleConfig>; readonly rates: readonly number[] }[];
}

const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/keras-optimizers.json', import.meta.url), 'utf8'),
) as Fixture;

describe(`beside Keras ${fixture.keras}`, () => {
  it.each(fixture.optimizers)(
    '$name with $settings ends twenty updates where Keras does',
    ({ name, settings, final }) => {
      const config = { ...DEFAULT_OPTIMIZERS[name], ...settings } as OptimizerConfig;
      const optimizer = createOptimizer(config, { tensors: [] });
      let state: OptimizerState = zeroState(Float32Array.from(fixture.initial), optimizer);
      for (const gradient of fixture.gradients) {
        state = optimizer.update(state, Float32Array.from(gradient), 1, config.learningRate, emptyLike(state));
      }
      // Keras computes in float32, where we compute in float64 and store in float32: after twenty steps its slots, and so the way
      // that the parameters went, are off by a few 1e-7 of themselves; of each parameter (below 1/2) it rounds the decay and the
      // move by up to half an ulp, 1.5e-8 each, every step.
      for (const [i, value] of final.entries()) {
        const way = Math.abs(value - fixture.initial[i]!);
        expect(Math.abs(state.parameters[i]! - value)).toBeLessThan(5e-6 * way + 4e-7);
        expect(way).toBeGreaterThan(0);
      }
    },
  );

  it.each(fixture.schedules)(
    '$schedule has the rates of Keras at every step and beyond the last',
    ({ schedule, rates }) => {
      const run = { stepsPerEpoch: 10, totalSteps: fixture.totalSteps };
      for (const [step, rate] of rates.entries()) {
        // Keras computes in float32; where the cosine ends, 1 + cos cancels to an ulp of 1.
        const ours = scheduledRate(step, fixture.base, { per: 'step', warmup: 0, ...schedule } as ScheduleConfig, run);
        expect(Math.abs(ours - rate)).toBeLessThan(2e-7 * fixture.base + 1e-6 * rate);
      }
    },
  );
});
