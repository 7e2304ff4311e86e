import { describe, expect, it } from 'vitest';
import type { EvaluationDetails } from '@convoy/protocol/evaluation-details';
import { purposes } from '@convoy/numerics/random/purposes';
import { randomStream } from '@convoy/numerics/random/stream';
import { ConfusedPairs, ConfusionMatrix } from './confusion.ts';
import { DetailsGathering, faultOfDetails, shownSamples, type EvaluationKind } from './details.ts';

const random = randomStream(7, purposes.show);
const SAMPLES = 200;

/** What some model says of each sample: losses that are often equal, and a few that are not finite. */
function saidOf({ classes, outputs }: EvaluationKind) {
  return Array.from({ length: SAMPLES }, (_, index) => {
    const said = Float64Array.from({ length: outputs }, () => random.below(1_000) / 1_000);
    const label = classes === null ? 0 : random.below(classes);
    const predicted = classes === null ? 0 : said.indexOf(Math.max(...said));
    const loss = index % 50 === 7 ? NaN : index % 50 === 8 ? Infinity : random.below(20) / 4;
    return { said, label, predicted, loss };
  });
}

function gatheringOf(
  kind: EvaluationKind,
  said: ReturnType<typeof saidOf>,
  pieces: readonly number[],
): EvaluationDetails {
  const gathering = new DetailsGathering(kind);
  for (const [n, first] of pieces.entries()) {
    const part = said.slice(first, pieces[n + 1] ?? SAMPLES);
    gathering.add({
      first,
      labels_N: Int32Array.from(kind.classes === null ? [] : part.map(({ label }) => label)),
      classes_N: Int32Array.from(kind.classes === null ? [] : part.map(({ predicted }) => predicted)),
      losses_N: Float32Array.from(part, ({ loss }) => loss),
      saidOf: (n) => part[n]!.said,
    });
  }
  return gathering.details;
}

const KINDS = [
  { title: 'ten classes', kind: { classes: 10, outputs: 10, samples: SAMPLES } },
  { title: 'two classes', kind: { classes: 2, outputs: 2, samples: SAMPLES } },
  { title: 'more classes than a matrix has', kind: { classes: 150, outputs: 150, samples: SAMPLES } },
  { title: 'five values', kind: { classes: null, outputs: 5, samples: SAMPLES } },
];

describe.each(KINDS)('$title', ({ kind }) => {
  const said = saidOf(kind);
  const whole = gatheringOf(kind, said, [0, 25, 50, 75, 100, 125, 150, 175]);
  const correct = kind.classes === null ? 0 : said.filter(({ label, predicted }) => label === predicted).length;

  it('has the same details whoever evaluated what, and in which order it came', () => {
    for (let trial = 0; trial < 20; trial++) {
      const merged = new DetailsGathering(kind);
      const blocks = [0, 25, 50, 75, 100, 125, 150, 175].map((start) => ({ start, key: random.below(1_000) }));
      for (const { start } of blocks.sort((a, b) => a.key - b.key)) {
        const part = said.map((each, index) => ({ each, index })).slice(start, start + 25);
        const block = new DetailsGathering(kind);
        block.add({
          first: start,
          labels_N: Int32Array.from(kind.classes === null ? [] : part.map(({ each }) => each.label)),
          classes_N: Int32Array.from(kind.classes === null ? [] : part.map(({ each }) => each.predicted)),
          losses_N: Float32Array.from(part, ({ each }) => each.loss),
          saidOf: (n) => part[n]!.each.said,
        });
        const { details } = block;
        const right = kind.classes === null ? 0 : part.filter(({ each }) => each.label === each.predicted).length;
        expect(faultOfDetails(details, kind, { start, end: start + 25 }, right)).toBeNull();
        merged.merge(structuredClone(details));
      }
      expect(merged.details).toEqual(whole);
    }
    expect(faultOfDetails(whole, kind, { start: 0, end: SAMPLES }, correct)).toBeNull();
  });

  it('shows samples from all over, and as worst ones those with the largest loss', () => {
    expect(whole.shown.map(({ index }) => index)).toEqual(shownSamples(kind));
    const wrong = said.flatMap(({ label, predicted, loss }, index) =>
      kind.classes !== null && label === predicted ? [] : [{ index, loss: Number.isNaN(loss) ? Infinity : loss }],
    );
    const expected = wrong.sort((a, b) => (a.loss === b.loss ? a.index - b.index : a.loss > b.loss ? -1 : 1));
    expect(whole.worst.map(({ index }) => index)).toEqual(expected.slice(0, 12).map(({ index }) => index));
  });

  it('does not take what no model says', () => {
    const part = { start: 0, end: SAMPLES };
    const faultsOf = (changed: Partial<EvaluationDetails>) =>
      faultOfDetails({ ...structuredClone(whole), ...changed }, kind, part, correct);
    const [first, second, ...rest] = whole.worst;
    expect(faultsOf({ shown: whole.shown.slice(1) })).toBe('other samples to show');
    expect(faultsOf({ shown: [...whole.shown, whole.shown[0]!] })).toBe('other samples to show');
    expect(faultsOf({ worst: [] })).toBe('another number of worst samples');
    expect(faultsOf({ worst: [second!, first!, ...rest] })).toBe('worst samples in another order');
    expect(faultsOf({ worst: [first!, first!, ...rest] })).toBe('worst samples in another order');
    expect(
      faultsOf({ worst: [...whole.worst.slice(0, -1), { ...whole.worst.at(-1)!, loss: -1, index: SAMPLES }] }),
    ).toBe('worst samples in another order');
    const [sample, ...others] = whole.shown;
    expect(faultsOf({ shown: [{ ...sample!, labels: [9_999, 1, 2] }, ...others] })).toBe(
      'a prediction that no model makes',
    );
    expect(faultsOf({ shown: [{ ...sample!, outputs: [] }, ...others] })).toBe('a prediction that no model makes');
    expect(faultsOf({ confusion: new Uint8Array(3) })).not.toBeNull();
    if (kind.classes === null) return;
    expect(faultsOf({ shown: [{ ...sample!, outputs: [2, 0, 0].slice(0, sample!.outputs.length) }, ...others] })).toBe(
      'a prediction that no model makes',
    );
    const confusion = whole.confusion.slice();
    confusion[confusion.length - 4]!++;
    expect(faultsOf({ confusion })).toMatch(/add up to its samples$/);
  });
});

describe('ConfusionMatrix', () => {
  it('counts what each sample is taken for in the row of its true class', () => {
    const matrix = new ConfusionMatrix(3);
    matrix.add(Int32Array.of(0, 0, 1, 1), Int32Array.of(0, 1, 0, 1));
    matrix.merge(matrix.toBytes());
    expect(matrix.counts).toEqual([
      [2, 2, 0],
      [2, 2, 0],
      [0, 0, 0],
    ]);
  });
});

describe('ConfusedPairs', () => {
  it('says which classes are confused most often, of equals the lower ones', () => {
    const pairs = new ConfusedPairs(200);
    pairs.add(Int32Array.of(150, 150, 3, 9, 5), Int32Array.of(199, 199, 4, 9, 6));
    pairs.merge(pairs.toBytes());
    expect(pairs.most(2)).toEqual([
      { label: 150, predicted: 199, samples: 4 },
      { label: 3, predicted: 4, samples: 2 },
    ]);
  });
});
