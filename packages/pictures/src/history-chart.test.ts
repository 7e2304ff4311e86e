import { describe, expect, it } from 'vitest';
import { colors } from './chart.ts';
import { decoded } from './decoded.fixture.ts';
import { historyChart, type CurvePoint, type HistoryCurves } from './history-chart.ts';
import { pngOf } from './png.ts';

const rising: readonly CurvePoint[] = [
  { at: 1, loss: 1.5, metric: 0.4 },
  { at: 2, loss: 1.2, metric: 0.55 },
  { at: 3, loss: 1.0, metric: 0.62 },
];
const falling = rising.map(({ at, loss, metric }) => ({ at, loss: loss + 0.2, metric: metric - 0.1 }));
const history = (changes: Partial<HistoryCurves> = {}) =>
  historyChart({
    title: 'a run',
    subtitle: '3 epochs',
    metric: 'accuracy',
    unit: 'epoch',
    steps: [],
    training: rising,
    validation: falling,
    test: null,
    marks: [],
    ...changes,
  });

/** The pixels that the two curves have in each half: the metric on the left, the loss on the right. */
async function inkOf(svg: string) {
  const picture = await decoded(pngOf(svg));
  const half = { width: picture.width / 2, y: 180, height: picture.height - 180 };
  const ink = (x: number) => ({
    training: picture.count(colors.training, { ...half, x }),
    validation: picture.count(colors.validation, { ...half, x }),
  });
  return { metric: ink(0), loss: ink(half.width), width: picture.width, height: picture.height };
}

describe('historyChart', () => {
  it('draws training and validation in each of its two halves', async () => {
    const ink = await inkOf(history());
    expect(ink).toMatchObject({ width: 1920, height: 840 });
    for (const half of [ink.metric, ink.loss]) {
      expect(half.training).toBeGreaterThan(500);
      expect(half.validation).toBeGreaterThan(500);
    }
  });

  it('says what it shows and in which units', () => {
    const svg = history();
    for (const words of ['a run', '3 epochs', 'training', 'validation', 'accuracy, %', 'loss, nats', 'epoch']) {
      expect(svg).toContain(`>${words}</text>`);
    }
    expect(history({ unit: 'step' })).toContain('>step</text>');
  });

  it('draws single steps behind their smoothed curve, the test, and what turned the run', async () => {
    const steps = Array.from({ length: 40 }, (_, n) => ({ at: n / 13, loss: 1.2 + (n % 2) / 10, metric: 0.5 }));
    const test = { at: 3, loss: 1.1, metric: 0.55 };
    const svg = history({ unit: 'step', steps, test, marks: [{ at: 2, text: 'rate 0.0005' }] });
    for (const words of ['each step', 'training, smoothed', 'test', 'rate 0.0005']) {
      expect(svg).toContain(`>${words}</text>`);
    }
    const picture = await decoded(pngOf(svg));
    const right = { x: picture.width / 2, y: 180, width: picture.width / 2, height: picture.height - 180 };
    expect(picture.count(colors.steps, right)).toBeGreaterThan(300);
    expect(picture.count(colors.test, right)).toBeGreaterThan(100);
  });

  it('lets a step that is far from all others lead out of the picture', () => {
    const steps = Array.from({ length: 200 }, (_, n) => ({ at: n / 67, loss: n === 90 ? 1e6 : 1.2, metric: 0.5 }));
    expect(history({ steps })).not.toMatch(/>1,000,000</);
    expect(history({ steps })).toContain('>1.6</text>');
  });

  it('has the mean absolute error of a regression as it is, and no nats', () => {
    const svg = history({ metric: 'meanAbsoluteError' });
    for (const words of ['mean absolute error', 'loss', '0.6']) expect(svg).toContain(`>${words}</text>`);
    expect(svg).not.toMatch(/accuracy|nats|>60</);
  });

  it('shows a run of one epoch as one point for each', async () => {
    const ink = await inkOf(history({ training: rising.slice(0, 1), validation: falling.slice(0, 1) }));
    expect(ink.loss.training).toBeGreaterThan(40);
    expect(ink.metric.validation).toBeGreaterThan(40);
  });

  it('leaves a gap where a loss was not finite, and draws the rest', async () => {
    const broken = rising.map((point) => (point.at === 2 ? { ...point, loss: NaN } : point));
    const svg = history({ training: broken, validation: [] });
    expect(svg).not.toMatch(/NaN|Infinity/);
    const ink = await inkOf(svg);
    expect(ink.loss.training).toBeGreaterThan(80);
    expect(ink.loss.training).toBeLessThan(ink.metric.training / 2);
    expect(ink.loss.validation).toBe(0);
  });
});
