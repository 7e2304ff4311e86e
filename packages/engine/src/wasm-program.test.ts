import { expect, it } from 'vitest';
import { lessonModel } from '@convoy/cifar10/models';
import {
  gradientOn,
  gradientOnJavaScript,
  relativeError,
  smallGelu,
  smallNormalised,
  smallRegression,
  smallResidual,
  smallStrided,
} from './eager-program.fixture.ts';
import { loadEngine } from './backends/load.ts';

// A file, and so a process, of its own: no program loads two engines, and they share one registry of kernels.
it.each([
  // The JS backend takes many seconds for it.
  { title: "the whole lesson's CNN", model: lessonModel, samples: 1 },
  { title: 'a small normalised model', model: smallNormalised, samples: 2 },
  { title: 'a small residual model', model: smallResidual, samples: 2 },
  { title: 'a small model with strides', model: smallStrided, samples: 2 },
  { title: 'a small regression', model: smallRegression, samples: 2 },
  { title: 'a small model with gelu', model: smallGelu, samples: 2 },
])("on WASM, the gradient of $title agrees with the JS backend's, statistics included", async ({ model, samples }) => {
  const engine = await loadEngine({ engine: 'wasm', threads: 1, onFallback: () => {} });
  const ours = gradientOn(engine, model, samples);
  const reference = await gradientOnJavaScript(engine.tf, model, samples);
  // Sums of up to 2,048 float32 products in another order: √2048 · 6e-8 = 3e-6.
  expect(relativeError(ours.gradient, reference.gradient)).toBeLessThan(4e-6);
  expect(ours.sums.lossSum).toBeCloseTo(reference.sums.lossSum, 4);
  expect(ours.sums.metricSum).toBeCloseTo(reference.sums.metricSum, 4);
});
