import type { LayerFigures, RunFact } from '@convoy/protocol/run-events';
import type { TensorTable } from '@convoy/protocol/tensor';
import type { RunPlan } from '@convoy/training/sampling';
import { firstFilters } from '@convoy/training/layers/filters';
import { histogramOf } from '@convoy/training/layers/histogram';
import { joined, normsOfTensor, trainedLayers, type TrainedLayer } from '@convoy/training/layers/tensor-norms';
import type { AppliedStep } from './health-watch.ts';

/** Layers are measured so often in a run, however long: it costs a pass over three vectors, and a line of the log. */
const MEASUREMENTS = 400;
/** And no more often than every so many steps. */
const EVERY_STEPS_AT_LEAST = 5;
/** Of more layers, the first. */
const MOST_LAYERS = 100;
const BINS = 30;
/** Digits of a norm that are told. */
const DIGITS = 5;

/** Measures what a run's layers are like: their norms every few steps, and at validations how their weights are distributed. */
export class LayerWatch {
  readonly #tensors: TensorTable;
  readonly #layers: readonly TrainedLayer[];
  readonly #every: number;
  readonly #purpose: 'validation' | 'test';

  constructor(tensors: TensorTable, { totalSteps, validationSamples }: RunPlan) {
    this.#tensors = tensors;
    this.#layers = trainedLayers(tensors).slice(0, MOST_LAYERS);
    this.#every = Math.max(EVERY_STEPS_AT_LEAST, Math.ceil(totalSteps / MEASUREMENTS));
    // A run that holds nothing out is looked at when it is tested.
    this.#purpose = validationSamples > 0 ? 'validation' : 'test';
  }

  /** What there is to tell of an applied step. */
  committed({ step, tally, gradient, before, after }: AppliedStep): readonly RunFact[] {
    if (step !== 1 && step % this.#every !== 0) return [];
    const vectors = { gradient, samples: tally.samples, before, after };
    const layers = this.#layers.map(({ name, tensors }): LayerFigures => {
      const { weights, gradient: slope, update } = joined(tensors.map((tensor) => normsOfTensor(tensor, vectors)));
      return { name, weights: rounded(weights), gradient: rounded(slope), update: rounded(update) };
    });
    return [{ type: 'layers', step, layers }];
  }

  /** What there is to tell of the parameters that were evaluated. @param values the flat vector. */
  evaluated(purpose: 'validation' | 'test', step: number, values: Float32Array): readonly RunFact[] {
    if (purpose !== this.#purpose) return [];
    const layers = this.#layers.map(({ name, tensors }): LayerFigures => {
      const parts = tensors.map(({ offset, size }) => values.subarray(offset, offset + size));
      const found = histogramOf(parts, BINS);
      if (found === null) return { name, weights: NaN };
      const { from, to, counts, sum, sumOfSquares } = found;
      const figures = { from: rounded(from), to: rounded(to), sum: rounded(sum), sumOfSquares: rounded(sumOfSquares) };
      return { name, weights: rounded(Math.sqrt(sumOfSquares)), histogram: { ...figures, counts } };
    });
    return [...this.#filters(step, values), { type: 'layers', step, layers }];
  }

  #filters(step: number, values: Float32Array): readonly RunFact[] {
    const filters = firstFilters(this.#tensors, values);
    if (filters === null) return [];
    const { pixels, low, high, ...about } = filters;
    const text = Buffer.from(pixels).toString('base64');
    return [{ type: 'filters', step, ...about, low: rounded(low), high: rounded(high), pixels: text }];
  }
}

function rounded(value: number): number {
  return Number(value.toPrecision(DIGITS));
}
