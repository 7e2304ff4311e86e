import type { LayerFigures, RunEvent } from '@convoy/protocol/run-events';

export const LAYER_QUANTITIES = ['weights', 'gradient', 'update', 'ratio'] as const;
/** What is known of a layer after a step; `ratio` is the update's part of the weights. */
export type LayerQuantity = (typeof LAYER_QUANTITIES)[number];

export type ShownFilters = Extract<RunEvent, { readonly type: 'filters' }>;
export type Histogram = NonNullable<LayerFigures['histogram']>;

/** What the parameters were like when they were validated. */
export interface ValidatedLayers {
  readonly step: number;
  readonly histograms: readonly { readonly name: string; readonly histogram: Histogram }[];
  /** Null for a model that does not begin with a convolution. */
  readonly filters: ShownFilters | null;
}

interface Measured {
  readonly step: number;
  readonly layers: readonly LayerFigures[];
}

/** What a run's layers are like, as far as its events tell. */
export class LayerList {
  validated: readonly ValidatedLayers[] = [];
  #measured: Measured[] = [];
  #filters: ShownFilters | null = null;

  see(event: RunEvent): void {
    if (event.type === 'filters') this.#filters = event;
    if (event.type !== 'layers') return;
    const { step, layers } = event;
    if (layers.some(({ gradient }) => gradient !== undefined)) {
      this.#measured.push({ step, layers });
      return;
    }
    const histograms = layers.flatMap(({ name, histogram }) => (histogram === undefined ? [] : [{ name, histogram }]));
    const filters = this.#filters?.step === step ? this.#filters : null;
    this.validated = [...this.validated.filter((each) => each.step !== step), { step, histograms, filters }];
  }

  /** The layers that have norms, in their order. */
  get names(): readonly string[] {
    return this.#measured.at(-1)?.layers.map(({ name }) => name) ?? [];
  }

  /** The steps at which norms were measured. */
  get steps(): readonly number[] {
    return this.#measured.map(({ step }) => step);
  }

  /**
   * A layer's figures at {@link steps}. Null where it was not finite, or is 0, for which a log scale has no place.
   * @param index of the layer among the {@link names}: all steps have the same.
   */
  valuesOf(index: number, quantity: LayerQuantity): readonly (number | null)[] {
    return this.#measured.map(({ layers }) => {
      const layer = layers[index];
      if (layer === undefined) return null;
      const value = quantity === 'ratio' ? ratioOf(layer) : layer[quantity];
      return value == null || !(value > 0) ? null : value;
    });
  }

  /** What was done after that step is done again. */
  takeBack(step: number): void {
    this.#measured = this.#measured.filter((each) => each.step <= step);
    this.validated = this.validated.filter((each) => each.step <= step);
  }
}

function ratioOf({ weights, update }: LayerFigures): number | null {
  return update == null || !(weights > 0) ? null : update / weights;
}
