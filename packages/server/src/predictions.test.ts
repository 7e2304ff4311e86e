import { describe, expect, it } from 'vitest';
import type { Dataset } from '@convoy/model/dataset';
import type { RunFact } from '@convoy/protocol/run-events';
import { testConfig } from '@convoy/training/config.fixture';
import type { EvaluationTask } from '@convoy/training/coordinator/events';
import { DetailsGathering } from '@convoy/training/evaluation/details';
import { Predictions, type PredictionsOptions } from './predictions.ts';

const SAMPLES = 40;
const config = testConfig({ validationSplit: 0.5, evaluationBatchSize: 10 });
const plan = { trainSamples: 40, validationSamples: SAMPLES, testSamples: 0, stepsPerEpoch: 1, totalSteps: 9 };
const classNames = ['cat', 'dog', 'eel'];

/** Grey images of 4 × 4, each as bright as its index in the split; of three classes in turn. */
const images: Dataset = {
  ...{ name: 'grey', trainCount: 80, testCount: 1, inputShape: [4, 4, 1], inputType: 'uint8', classNames },
  ...{ fingerprint: 'f', origin: 'o' },
  read(_, index, target, offset) {
    target.fill(index, offset, offset + 16);
    return index % 3;
  },
};
const numbers: Dataset = {
  ...images,
  ...{ inputShape: [2], inputType: 'float32', classNames: [] },
  read: (_, index) => [index, 2 * index],
};

function made(changes: Partial<PredictionsOptions> = {}) {
  const notes: string[] = [];
  const predictions = new Predictions({
    dataset: images,
    model: { loss: 'sparseCategoricalCrossentropy', outputs: 3 },
    ...{ config, plan, gradientBytes: 100, logged: { keys: new Set(), bytes: 0 } },
    onNote: (line) => notes.push(line),
    ...changes,
  });
  return { predictions, notes };
}

const taskAt = (step: number): EvaluationTask => ({
  ...{ kind: 'evaluation', id: step, step, epoch: 0, purpose: 'validation', leaves: 4 },
});

/** What a worker says that takes every eel for a cat, and is surer of it the later the sample. */
function eelsAsCats() {
  const gathering = new DetailsGathering({ classes: 3, outputs: 3, samples: SAMPLES });
  const labels_N = Int32Array.from({ length: SAMPLES }, (_, n) => (40 + n) % 3);
  gathering.add({
    ...{ first: 0, labels_N, classes_N: labels_N.map((label) => label % 2) },
    losses_N: Float32Array.from(labels_N, (_, n) => n / 8),
    saidOf: (n) => Float64Array.from(classNames, (_, label) => (label === labels_N[n]! % 2 ? 0.9 : 0.05)),
  });
  return gathering.details;
}

function concluded(
  predictions: Predictions,
  step: number,
): { images: readonly RunFact[]; predictions: readonly RunFact[] } {
  predictions.open(taskAt(step));
  predictions.collect(eelsAsCats());
  return predictions.conclude(taskAt(step));
}

describe('Predictions', () => {
  it('says what an evaluation took its samples for, with their classes by name', () => {
    const { predictions } = made();
    const [event] = concluded(predictions, 1).predictions;
    expect(event).toMatchObject({
      ...{ type: 'predictions', purpose: 'validation', step: 1, epoch: 0 },
      confusion: { classes: classNames, counts: [[13, 0, 0], [0, 14, 0], [13, 0, 0]] }, // prettier-ignore
    });
    const { shown, worst } = event as Extract<RunFact, { type: 'predictions' }>;
    expect(shown).toHaveLength(12);
    expect(worst[0]).toEqual({
      ...{ index: 37, loss: 4.625, truth: 'eel' },
      top: [
        { class: 'cat', probability: 0.9 },
        { class: 'dog', probability: 0.05 },
        { class: 'eel', probability: 0.05 },
      ],
    });
    expect(worst.map(({ index }) => index)).toEqual([37, 34, 31, 28, 25, 22, 19, 16, 13, 10, 7, 4]);
  });

  it('writes the image of each shown sample once, also when a run goes on', () => {
    const { predictions } = made();
    const keyOf = (fact: RunFact) => (fact.type === 'sample-image' ? `validation ${fact.index}` : fact.type);
    const first = concluded(predictions, 1).images;
    const keys = first.map(keyOf);
    expect(new Set(keys).size).toBe(keys.length);
    expect(first[0]).toMatchObject({ type: 'sample-image', width: 4, height: 4, png: expect.stringMatching(/^iVBOR/) });
    expect(concluded(predictions, 2).images).toEqual([]);
    const resumed = made({ logged: { keys: new Set(keys.slice(1)), bytes: 0 } }).predictions;
    expect(concluded(resumed, 3).images.map(keyOf)).toEqual(keys.slice(0, 1));
  });

  it('keeps no images beyond what a log has room for, and goes on with the rest', () => {
    const { predictions } = made({ logged: { keys: new Set(), bytes: 4 * 1024 * 1024 - 10 } });
    const { images: kept, predictions: said } = concluded(predictions, 1);
    expect([kept, said.length]).toEqual([[], 1]);
  });

  it('has values beside values of a regression, and no images of what is none', () => {
    const { predictions } = made({ dataset: numbers, model: { loss: 'meanSquaredError', outputs: 2 } });
    const gathering = new DetailsGathering({ classes: null, outputs: 2, samples: SAMPLES });
    const losses_N = new Float32Array(SAMPLES).map((_, n) => n);
    const none = new Int32Array(0);
    gathering.add({ first: 0, labels_N: none, classes_N: none, losses_N, saidOf: (n) => Float64Array.of(n, 1 / 3) });
    predictions.open(taskAt(1));
    predictions.collect(gathering.details);
    const shown = predictions.conclude(taskAt(1));
    expect(shown.images).toEqual([]);
    expect(shown.predictions[0]).toMatchObject({
      confusion: null,
      worst: expect.arrayContaining([{ index: 39, loss: 39, truth: [79, 158], values: [39, 0.333333] }]),
    });
  });

  it('takes from a worker only what it asked for, and what can be true of the block', () => {
    const { predictions } = made();
    const details = eelsAsCats();
    const all = { start: 40, end: 80 };
    expect(predictions.faultOf(details, taskAt(1), all, 27)).toBeNull();
    expect(predictions.faultOf(undefined, taskAt(1), all, 27)).toBe('an evaluation without its details');
    expect(predictions.faultOf(details, taskAt(1), all, 26)).toMatch('does not add up');
    expect(predictions.faultOf(details, taskAt(1), { start: 40, end: 60 }, 14)).not.toBeNull();
    const many = { loss: 'sparseCategoricalCrossentropy', outputs: 1_000 } as const;
    const short = made({ model: many, gradientBytes: 8 * SAMPLES - 1 }).predictions;
    expect(short.isAsked('validation')).toBe(false);
    expect(short.faultOf(details, taskAt(1), all, 27)).toBe('details that nobody asked for');
    expect(made({ model: many, gradientBytes: 8 * SAMPLES }).predictions.isAsked('validation')).toBe(true);
  });

  it('says that samples can not be shown when they can not be read, and shows nothing', () => {
    const read = () => {
      throw new Error('the disk is gone');
    };
    const { predictions, notes } = made({ dataset: { ...images, read } });
    expect(concluded(predictions, 1)).toEqual({ images: [], predictions: [] });
    expect(notes).toEqual(["the samples of the validation can't be shown: the disk is gone"]);
  });
});
