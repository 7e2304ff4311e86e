import type { TensorTable } from '@convoy/protocol/tensor';
import * as v from 'valibot';
import { wholeNumber } from '@convoy/protocol/numbers';
import { normsOfTensor } from '../layers/tensor-norms.ts';
import { median, type Verdict } from './verdict.ts';

/** Layers are measured every so many steps: it costs a pass over three vectors. */
export const PROBE_EVERY_STEPS = 8;
/** Norms that say what is usual, and how many there must be. */
const REMEMBERED = 128;
const REMEMBERED_AT_LEAST = 32;
/** Times the usual norm, steps in a row, and the norm below which nothing explodes: when learning begins, norms grow tenfold. */
const EXPLODED = 50;
const EXPLODED_STEPS = 4;
const EXPLODED_AT_LEAST = 20;
const CALM = 10;
/** Probes that say how large a layer's gradient was at first, and probes in a row for a verdict. */
const EARLY_PROBES = 8;
const PROBES_IN_A_ROW = 4;
/** Share of the early gradient, or of the last layer's, below which a layer's has vanished. */
const VANISHED = 1e-3;
const VANISHED_BESIDE = 1e-6;
/** A share of the loss of a model that knows nothing, ln(classes): with a lower loss small gradients are what one wants. */
const HIGH_LOSS = 0.5;
/** Part of a kernel's norm by which a step moves it: about 0.001 is usual, and above this it forgets itself in ten steps. */
const LARGE = 0.1;
const MODERATE = 0.05;

/** What a probe finds about one kernel. */
export interface KernelFigures {
  readonly name: string;
  /** Root mean square of the mean gradient's elements. */
  readonly gradient: number;
  /** Norm of the last step's change over the norm of the values. */
  readonly change: number;
}

export const NormsSchema = v.object({
  /** The last norms of the whole gradient that were usual. */
  usual: v.array(v.number()),
  /** Norms in a row that were not: how many, and since which step. */
  unusual: v.nullable(v.object({ since: wholeNumber, steps: wholeNumber })),
  /** The kernels' gradients at the first probes, until there are enough of them for a median of each kernel. */
  first: v.array(v.array(v.number())),
  early: v.nullable(v.array(v.number())),
  /** Probes in a row with a vanished kernel, and with a large change. */
  vanished: v.nullable(v.object({ since: wholeNumber, probes: wholeNumber })),
  large: v.nullable(v.object({ since: wholeNumber, probes: wholeNumber })),
});
export type Norms = v.InferOutput<typeof NormsSchema>;

export const NEW_NORMS: Norms = { usual: [], unusual: null, first: [], early: null, vanished: null, large: null };

/**
 * Measures the kernels of a layout: about a millisecond for a million parameters.
 * @param gradientSum over `samples`. @param before the flat vector before the step's update. @param after and after it.
 */
export function probeKernels(
  tensors: TensorTable,
  gradientSum: Float32Array,
  samples: number,
  before: Float32Array,
  after: Float32Array,
): readonly KernelFigures[] {
  const vectors = { gradient: gradientSum, samples, before, after };
  return tensors
    .filter(({ name }) => name.endsWith('/kernel'))
    .map((tensor) => {
      const { weights, gradient, update } = normsOfTensor(tensor, vectors);
      const change = weights === 0 ? 0 : update / weights;
      return { name: tensor.name, gradient: gradient / Math.sqrt(tensor.size), change };
    });
}

/** Whether the gradient explodes: its norm is far above what was usual, for some steps in a row. */
export function noteNorm(norms: Norms, step: number, norm: number): readonly Verdict[] {
  const { usual } = norms;
  const reference = usual.length < REMEMBERED_AT_LEAST ? Infinity : median(usual);
  if (norm > EXPLODED * reference && norm > EXPLODED_AT_LEAST) {
    norms.unusual = { since: norms.unusual?.since ?? step, steps: (norms.unusual?.steps ?? 0) + 1 };
    if (norms.unusual.steps < EXPLODED_STEPS) return [];
    return [
      {
        kind: 'exploding-gradient',
        holds: true,
        severity: 'alarm',
        since: norms.unusual.since,
        evidence: `the gradient's norm is ${figure(norm)}, and ${figure(reference)} was usual`,
        advice: 'add --clip-norm 1, or lower --lr',
      },
    ];
  }
  norms.unusual = null;
  usual.push(norm);
  if (usual.length > REMEMBERED) usual.shift();
  return norm < CALM * reference ? [{ kind: 'exploding-gradient', holds: false }] : [];
}

/** Whether the first layers still learn, and whether steps are too long. @param lossShare the loss over that of a model that knows nothing. */
export function noteProbe(
  norms: Norms,
  step: number,
  kernels: readonly KernelFigures[],
  lossShare: number,
): readonly Verdict[] {
  return [...judgeGradients(norms, step, kernels, lossShare), ...judgeChanges(norms, step, kernels)];
}

function judgeGradients(norms: Norms, step: number, kernels: readonly KernelFigures[], lossShare: number): Verdict[] {
  if (norms.early === null) {
    norms.first.push(kernels.map(({ gradient }) => gradient));
    if (norms.first.length < EARLY_PROBES) return [];
    norms.early = kernels.map((_, index) => median(norms.first.map((probe) => probe[index]!)));
    norms.first = [];
  }
  const { early } = norms;
  const last = kernels.at(-1)?.gradient ?? 0;
  const vanished = kernels.filter(
    // Exactly 0 is another finding: the layer is dead.
    ({ gradient }, index) => gradient > 0 && (gradient < VANISHED * early[index]! || gradient < VANISHED_BESIDE * last),
  );
  if (vanished.length === 0 || lossShare < HIGH_LOSS) {
    norms.vanished = null;
    return [{ kind: 'vanishing-gradient', holds: false }];
  }
  norms.vanished = { since: norms.vanished?.since ?? step, probes: (norms.vanished?.probes ?? 0) + 1 };
  if (norms.vanished.probes < PROBES_IN_A_ROW) return [];
  const [first] = vanished;
  const was = early[kernels.indexOf(first!)]!;
  return [
    {
      kind: 'vanishing-gradient',
      holds: true,
      severity: 'alarm',
      since: norms.vanished.since,
      evidence: `the gradient of ${first!.name} is ${figure(first!.gradient)} an element (at first ${figure(was)}, in the last layer ${figure(last)}) while the loss is high`,
      advice:
        'try batch normalisation, which keeps gradients alive (--model lesson-bn has it), or train anew with a lower --lr',
    },
  ];
}

function judgeChanges(norms: Norms, step: number, kernels: readonly KernelFigures[]): Verdict[] {
  const largest = kernels.reduce((a, b) => (b.change > a.change ? b : a), kernels[0]!);
  if (!(largest?.change > LARGE)) {
    norms.large = null;
    return (largest?.change ?? 0) < MODERATE ? [{ kind: 'large-updates', holds: false }] : [];
  }
  norms.large = { since: norms.large?.since ?? step, probes: (norms.large?.probes ?? 0) + 1 };
  if (norms.large.probes < PROBES_IN_A_ROW) return [];
  return [
    {
      kind: 'large-updates',
      holds: true,
      severity: 'note',
      since: norms.large.since,
      evidence: `a step moves ${largest.name} by ${(100 * largest.change).toFixed(0)} % of its norm; 0.1 % is usual`,
      advice: 'lower --lr to a tenth, or let it rise with --warmup',
    },
  ];
}

function figure(value: number): string {
  return value >= 0.01 && value < 1e4 ? value.toPrecision(3) : value.toExponential(1);
}
