// A table: data.csv, one sample a row, the class in the last column.
//
// Put your own file in its place and train: the other columns are numbers, and the classes are what the last column names.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { defineWorkload } from 'tfjs-convoy';

// Without quotes in the file this is enough; with them take a library such as csv-parse.
const text = readFileSync(new URL('./data.csv', import.meta.url), 'utf8');
const [header = '', ...lines] = text.trim().split(/\r?\n/);
const columns = header.split(',');
const features = columns.slice(0, -1);

// In an order that is the same on every machine and has the classes mixed: the last rows are held out for validation.
const rows = lines
  .map((line, index) => ({ line, key: createHash('sha256').update(`${index} ${line}`).digest('hex') }))
  .sort((one, other) => (one.key < other.key ? -1 : 1))
  .map(({ line }) => ({
    values: line.split(',').slice(0, -1).map(Number),
    className: line.split(',').at(-1) ?? '',
  }));
const classNames = [...new Set(rows.map(({ className }) => className))].sort();

// Every fifth row is for the test.
const samples = {
  train: rows.filter((_, index) => index % 5 !== 0),
  test: rows.filter((_, index) => index % 5 === 0),
};

// Each column is scaled to a mean of 0 and a deviation of 1, as the training rows have them.
const scales = features.map((_, column) => {
  const values = samples.train.map((row) => row.values[column] ?? NaN);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0) / values.length;
  return { mean, deviation: Math.sqrt(variance) || 1 };
});

export default defineWorkload({
  // The name of the runs: lower-case letters, digits and hyphens.
  name: 'table',
  // Numbers as they are. Images are uint8.
  inputType: 'float32',
  // Classes. For values to predict: meanSquaredError, and no softmax at the end.
  loss: 'sparseCategoricalCrossentropy',
  // A list of layers, or a LayersModel of TensorFlow.js.
  model: [
    { type: 'input', name: 'row', shape: [features.length] },
    { type: 'dense', name: 'hidden_1', units: 32, activation: 'relu' },
    { type: 'dense', name: 'hidden_2', units: 32, activation: 'relu' },
    { type: 'dense', name: 'classes', units: classNames.length, activation: 'softmax' },
  ],
  // Opens the data, once in every process.
  dataset: () => ({
    trainCount: samples.train.length,
    testCount: samples.test.length,
    classNames,
    // Workers compare it, so that all of them train on the same data.
    fingerprint: createHash('sha256').update(text).digest('hex'),
    // Writes one sample into `input` and returns its label. It must give the same whenever it is asked.
    read(split, index, input) {
      const row = samples[split][index];
      if (row === undefined) throw new RangeError(`there is no row ${index}`);
      for (const [column, { mean, deviation }] of scales.entries()) {
        input[column] = ((row.values[column] ?? NaN) - mean) / deviation;
      }
      return classNames.indexOf(row.className);
    },
  }),
  // Any settings of docs/configuration.md. The command line's have the last word.
  settings: { epochs: 40, globalBatchSize: 32, validationSplit: 0.2, optimizer: { name: 'adam', learningRate: 0.01 } },
});
