import { expect, it } from 'vitest';
import { lessonModel } from '@convoy/cifar10/models';
import {
  gradientOn,
  gradientOnJavaScript,
  lessonGradientOnJavaScript,
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
  { title: 'a small normalised model', model: smallNormalised },
  { title: 'a small residual model', model: smallResidual },
  { title: 'a small model with strides', model: smallStrided },
  { title: 'a small regression', model: smallRegression },
  { title: 'a small model with gelu', model: smallGelu },
])("on WASM, the gradient of $title agrees with the JS backend's, statistics included", async ({ model }) => {
  const engine = await loadEngine({ engine: 'wasm', threads: 1, onFallback: () => {} });
  const ours = gradientOn(engine, model, 2);
  const reference = await gradientOnJavaScript(engine.tf, model);
  // Sums of up to 2,048 float32 products in another order: √2048 · 6e-8 = 3e-6.
  expect(relativeError(ours.gradient, reference.gradient)).toBeLessThan(4e-6);
  expect(ours.sums.lossSum).toBeCloseTo(reference.sums.lossSum, 4);
  expect(ours.sums.metricSum).toBeCloseTo(reference.sums.metricSum, 4);
});

it("on WASM, the gradient of the whole lesson's CNN agrees with the JS backend's", async () => {
  const engine = await loadEngine({ engine: 'wasm', threads: 1, onFallback: () => {} });
  const ours = gradientOn(engine, lessonModel, 1);
  const reference = await lessonGradientOnJavaScript();
  expect(relativeError(ours.gradient, reference.gradient)).toBeLessThan(4e-6);
  expect(ours.sums.lossSum).toBeCloseTo(reference.sums.lossSum, 4);
  expect(ours.sums.metricSum).toBe(reference.sums.metricSum);
});
