// Arrays of numbers: inputs, and for each of them the values to predict.
//
// Put your own arrays in their place and train.
import { defineWorkload } from 'tfjs-convoy';

/** One array of numbers per sample. The example has points (a, b) between -1 and 1. */
const inputs = Array.from({ length: 500 }, (_, index) => [
  ((index * 37) % 101) / 50 - 1,
  ((index * 59) % 103) / 51 - 1,
]);
/** What to predict for each of them. Values of about 1 train best: scale larger ones. */
const targets = inputs.map(([a = 0, b = 0]) => [a * b, a + b]);

// The last ones are for the test.
const TEST_COUNT = 100;

export default defineWorkload({
  // The name of the runs: lower-case letters, digits and hyphens.
  name: 'arrays',
  // Numbers as they are. Images are uint8.
  inputType: 'float32',
  // Values to predict. For classes: sparseCategoricalCrossentropy, and a softmax at the end.
  loss: 'meanSquaredError',
  // A list of layers, or a LayersModel of TensorFlow.js.
  model: [
    { type: 'input', name: 'point', shape: [2] },
    { type: 'dense', name: 'hidden_1', units: 32, activation: 'tanh' },
    { type: 'dense', name: 'hidden_2', units: 32, activation: 'tanh' },
    { type: 'dense', name: 'values', units: 2, activation: 'linear' },
  ],
  // Opens the data, once in every process.
  dataset: () => ({
    trainCount: inputs.length - TEST_COUNT,
    testCount: TEST_COUNT,
    // Writes one sample into `input` and returns its values. It must give the same whenever it is asked.
    read(split, index, input) {
      const at = split === 'train' ? index : inputs.length - TEST_COUNT + index;
      input.set(inputs[at] ?? []);
      return targets[at] ?? [];
    },
  }),
  // Any settings of docs/configuration.md. The command line's have the last word.
  settings: { epochs: 40, globalBatchSize: 32, validationSplit: 0.2, optimizer: { name: 'adam', learningRate: 0.01 } },
});
