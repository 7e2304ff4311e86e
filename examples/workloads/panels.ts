// npx convoy train --workload examples/workloads/panels.ts --workers 2
//
// A regression on a CSV file: how many watts a solar panel gives, by the weather. The model is layers as data.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { defineWorkload } from 'tfjs-convoy';
import { parse } from 'csv-parse/sync';

const FEATURES = ['irradiance', 'airTemperature', 'wind', 'tilt', 'dust'] as const;
/** Rows at the end of the file that are the test. */
const TEST_ROWS = 400;
/** Watts are learned in units of this many, so that they are about as large as the features. */
const WATTS = 100;

export default defineWorkload({
  name: 'panels',
  inputType: 'float32',
  loss: 'meanSquaredError',
  metrics: ['meanAbsoluteError'],
  model: [
    { type: 'input', name: 'weather', shape: [FEATURES.length] },
    { type: 'dense', name: 'hidden', units: 32, activation: 'tanh' },
    { type: 'dense', name: 'hidden_1', units: 32, activation: 'relu' },
    { type: 'dense', name: 'power', units: 1, activation: 'linear' },
  ],
  dataset() {
    const text = readFileSync(new URL('./panels.csv', import.meta.url), 'utf8');
    const rows = parse<Record<string, number>>(text, {
      columns: true,
      comment: '#',
      cast: (value, { header }) => (header ? value : Number(value)),
    });
    const trainCount = rows.length - TEST_ROWS;
    const scales = FEATURES.map((name) => scaleOf(rows.slice(0, trainCount).map((row) => row[name]!)));
    return {
      trainCount,
      testCount: TEST_ROWS,
      fingerprint: createHash('sha256').update(text).digest('hex'),
      origin: 'panels.csv',
      read(split, index, input) {
        const row = rows[split === 'train' ? index : trainCount + index]!;
        for (const [at, name] of FEATURES.entries())
          input[at] = (row[name]! - scales[at]!.mean) / scales[at]!.deviation;
        return row['watts']! / WATTS;
      },
    };
  },
  settings: { epochs: 30, globalBatchSize: 64, optimizer: { learningRate: 0.01 }, schedule: { name: 'cosine' } },
});

function scaleOf(values: readonly number[]): { readonly mean: number; readonly deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0);
  return { mean, deviation: Math.sqrt(squares / values.length) };
}
