import { describe, expect, it } from 'vitest';
import { EagerProgram } from './eager-program.ts';
import {
  batchFor,
  draw,
  gradientOn,
  gradientOnJavaScript,
  lessonGradientOnJavaScript,
  relativeError,
  small,
  smallGelu,
  smallNormalised,
  smallRegression,
  smallResidual,
  smallStrided,
} from './eager-program.fixture.ts';
import { loadEngine } from './backends/load.ts';
import { initialValues } from '@convoy/model/initial-values';
import { lessonModel } from '@convoy/cifar10/models';
import type { Batch } from './program.ts';
import { selfTest } from './self-test.ts';

/** TensorFlow where this machine has it: the suite must also pass on one that computes with WASM. */
const preferred = await loadEngine({ engine: 'auto', threads: 1, onFallback: (reason) => console.info(reason) });

describe(`a program on ${preferred.name}`, () => {
  it.each([
    { title: 'a small normalised model', model: smallNormalised },
    { title: 'a small residual model', model: smallResidual },
    { title: 'a small model with strides', model: smallStrided },
    { title: 'a small regression', model: smallRegression },
    { title: 'a small model with gelu', model: smallGelu },
  ])('agrees with the JS backend on $title, statistics included', async ({ model }) => {
    const ours = gradientOn(preferred, model, 2);
    const reference = await gradientOnJavaScript(preferred.tf, model);
    // As for WASM: rounding of sums of 2,048 products.
    expect(relativeError(ours.gradient, reference.gradient)).toBeLessThan(4e-6);
    expect(ours.sums.lossSum).toBeCloseTo(reference.sums.lossSum, 4);
    expect(ours.sums.metricSum).toBeCloseTo(reference.sums.metricSum, 4);
  });

  it("agrees with the JS backend on the whole lesson's CNN", async () => {
    const ours = gradientOn(preferred, lessonModel, 1);
    const reference = await lessonGradientOnJavaScript();
    expect(relativeError(ours.gradient, reference.gradient)).toBeLessThan(4e-6);
    expect(ours.sums.lossSum).toBeCloseTo(reference.sums.lossSum, 4);
    expect(ours.sums.metricSum).toBe(reference.sums.metricSum);
  });

  it.each([
    { title: 'a plain', model: small },
    { title: 'a normalised', model: smallNormalised },
    { title: 'a residual', model: smallResidual },
    { title: 'a strided', model: smallStrided },
    { title: 'a regression', model: smallRegression },
    { title: 'a gelu', model: smallGelu },
  ])('has the gradient that finite differences give, parameter by parameter, on $title model', ({ model }) => {
    const samples = 3;
    const program = new EagerProgram(preferred, model);
    const batch = batchFor(model, samples);
    const values = initialValues(model, 5);
    const gradient = new Float32Array(model.parameterCount);
    const lossAt = (at: number, shift: number): number => {
      const moved = values.slice();
      moved[at]! += shift;
      program.setParameters(moved);
      return program.gradient(batch, draw(samples), new Float32Array(gradient.length)).lossSum;
    };
    program.setParameters(values);
    program.gradient(batch, draw(samples), gradient);
    const slopes = gradient.subarray(0, model.trainableCount);
    const scale = slopes.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const errors: number[] = [];
    for (const { offset, size } of model.tensors.filter(({ momentum }) => momentum === undefined)) {
      for (let i = 0; i < size; i += Math.ceil(size / 12)) {
        const at = offset + i;
        const slope = (lossAt(at, 1e-3) - lossAt(at, -1e-3)) / 2e-3;
        errors.push(Math.abs(slope - gradient[at]!) / scale);
      }
    }
    program.dispose();
    errors.sort((a, b) => a - b);
    // Losses of about 5 in float32 are known to 5e-7, so slopes to 5e-4; where a relu or a maximum switches inside the
    // step, the difference quotient is off and the gradient is right: few, and not by much.
    expect(errors[Math.floor(0.9 * errors.length)]).toBeLessThan(2e-3);
    expect(errors.at(-1)).toBeLessThan(0.1);
  });

  it('passes its self-test, with the same bits each time', () => {
    const program = new EagerProgram(preferred, lessonModel);
    const first = selfTest(program, lessonModel);
    expect(first.passed).toBe(true);
    expect(selfTest(program, lessonModel).fingerprint).toBe(first.fingerprint);
    program.dispose();
  });

  it('fails the self-test of a program whose gradient is wrong', () => {
    const program = new EagerProgram(preferred, lessonModel);
    const wrong = Object.create(program, {
      setParameters: { value: (values: Float32Array) => program.setParameters(values) },
      evaluate: { value: (batch: Batch) => program.evaluate(batch) },
      gradient: {
        value: (batch: Batch, dropout: null, into: Float32Array) => {
          const sums = program.gradient(batch, dropout, into);
          into.fill(0, 0, into.length / 2);
          into.forEach((value, i) => (into[i] = value * 1.5));
          return sums;
        },
      },
    }) as EagerProgram;
    expect(selfTest(wrong, lessonModel).passed).toBe(false);
    program.dispose();
  });

  it('sums over samples: the gradient of a batch is the sum of those of its parts', () => {
    const program = new EagerProgram(preferred, small);
    const batch = batchFor(small, 6);
    const part = (start: number, end: number): Float32Array => {
      const into = new Float32Array(small.parameterCount);
      const inputs = batch.inputs.subarray(start * 192, end * 192);
      program.gradient(
        { inputs, labels: batch.labels.subarray(start, end) },
        { ...draw(0), positions: { start, end } },
        into,
      );
      return into;
    };
    program.setParameters(initialValues(small, 5));
    const sum = part(0, 2).map((value, i, all) => value + 0 * all[i]!);
    for (const [i, value] of part(2, 6).entries()) sum[i]! += value;
    expect(relativeError(sum, part(0, 6))).toBeLessThan(2e-6);
    program.dispose();
  });

  it('evaluates without dropout, counts what is right, and leaks no tensor', () => {
    const program = new EagerProgram(preferred, small);
    program.setParameters(initialValues(small, 5));
    const batch = batchFor(small, 50);
    const into = new Float32Array(small.parameterCount);
    const withoutDropout = program.gradient(batch, null, into);
    const before = preferred.tf.memory().numTensors;
    for (let i = 0; i < 20; i++) {
      expect(program.evaluate(batch)).toMatchObject(withoutDropout);
      program.gradient(batch, draw(50), into);
      program.setParameters(initialValues(small, 5));
    }
    expect(preferred.tf.memory().numTensors).toBe(before);
    program.dispose();
    expect(preferred.tf.memory().numTensors).toBe(before - small.tensors.length);
  });
});
