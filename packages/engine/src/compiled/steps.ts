import type { Model, PlacedLayer } from '@convoy/model/architecture';
import { otherInputOf, type Activation, type NonLinearity } from '@convoy/model/layers';

/** What a layer consists of, one operation each. Parameters are indices into the model's table. */
export type Step = { readonly layer: string } & (
  | { readonly type: 'conv2d'; readonly kernel: number; readonly strides: number; readonly padding: 'same' | 'valid' }
  | { readonly type: 'mat-mul'; readonly weights: number }
  | { readonly type: 'bias'; readonly bias: number }
  | {
      readonly type: 'normalise';
      readonly gamma: number;
      readonly beta: number;
      readonly mean: number;
      readonly variance: number;
      readonly epsilon: number;
    }
  | { readonly type: NonLinearity }
  /** Adds what the layer `with` has kept. */
  | { readonly type: 'add'; readonly with: string }
  | { readonly type: 'max-pool' | 'average-pool'; readonly size: number }
  /** The mean of each channel's `area` values. */
  | { readonly type: 'average'; readonly area: number }
  | { readonly type: 'flatten'; readonly length: number }
  /** Multiplies by a constant. */
  | { readonly type: 'rescale'; readonly factor: number }
  /** Multiplies by the mask of the architecture's layer `index`. */
  | { readonly type: 'dropout'; readonly index: number }
  /** Keeps the value for a later layer, under this one's name. */
  | { readonly type: 'keep' }
);

/** The model as a sequence of operations, in the order in which they are cheapest. */
export function stepsOf(model: Model): readonly Step[] {
  const wanted = new Set(model.layers.map(({ layer }) => otherInputOf(layer)));
  return poolFirst(
    model.layers.flatMap((placed, index) => {
      const { name } = placed.layer;
      const keep: Step = { layer: name, type: 'keep' };
      return [...stepsOfLayer(placed, index), ...(wanted.has(name) ? [keep] : [])];
    }),
  );
}

function stepsOfLayer({ layer, inputShape, outputShape, indices }: PlacedLayer, index: number): Step[] {
  const { name } = layer;
  const [first, second, third, fourth] = indices as [number, number, number, number];
  const activated = (activation: Activation): Step[] =>
    activation === 'linear' ? [] : [{ layer: name, type: activation }];
  switch (layer.type) {
    case 'input':
      return [];
    case 'conv2d':
      return [
        { layer: name, type: 'conv2d', kernel: first, strides: layer.strides ?? 1, padding: layer.padding ?? 'same' },
        ...(layer.useBias === false ? [] : [{ layer: name, type: 'bias', bias: second } as const]),
        ...activated(layer.activation),
      ];
    case 'batch-normalization': {
      const { epsilon } = layer;
      return [{ layer: name, type: 'normalise', gamma: first, beta: second, mean: third, variance: fourth, epsilon }];
    }
    case 'add':
      return [{ layer: name, type: 'add', with: layer.with }];
    case 'global-average-pooling2d':
      return [{ layer: name, type: 'average', area: inputShape[0]! * inputShape[1]! }];
    case 'activation':
      return activated(layer.activation);
    case 'max-pooling2d':
      return [{ layer: name, type: 'max-pool', size: layer.poolSize }];
    case 'average-pooling2d':
      return [{ layer: name, type: 'average-pool', size: layer.poolSize }];
    case 'flatten':
      return [{ layer: name, type: 'flatten', length: outputShape[0]! }];
    case 'rescaling':
      return [{ layer: name, type: 'rescale', factor: layer.scale }];
    case 'dropout':
      return [{ layer: name, type: 'dropout', index }];
    case 'dense':
      return [
        { layer: name, type: 'mat-mul', weights: first },
        ...(layer.useBias === false ? [] : [{ layer: name, type: 'bias', bias: second } as const]),
        // The last layer's softmax is left to the loss, where it is stable.
        ...(layer.activation === 'softmax' ? [] : activated(layer.activation)),
      ];
  }
}

/**
 * Moves every maximum ahead of the bias and the relu before it: they then work, forward and backward, on a quarter of the
 * values for a window of 2 · 2. Adding a channel's bias and relu are both monotonic, rounding included, so the result has
 * the same bits; so has the slope, but for windows with several greatest values, where either choice is right.
 */
export function poolFirst(steps: readonly Step[]): readonly Step[] {
  const moved: Step[] = [];
  for (const step of steps) {
    let at = moved.length;
    if (step.type === 'max-pool') while (at > 0 && isMonotonic(moved[at - 1]!)) at--;
    moved.splice(at, 0, step);
  }
  return moved;
}

function isMonotonic({ type }: Step): boolean {
  return type === 'bias' || type === 'relu';
}
