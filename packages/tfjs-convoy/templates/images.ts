// Images in folders, one folder per class: images/CLASS/anything.png (or .jpg, .webp).
//
// Put your own images in place of the examples and train: the classes are the names of the folders.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineWorkload, readImage } from 'tfjs-convoy';

const FOLDER = fileURLToPath(new URL('./images/', import.meta.url));
/** Every image is cut to a square and resized to this many pixels along each side. */
const SIZE = 32;

const classNames = readdirSync(FOLDER).sort();

export default defineWorkload({
  // The name of the runs: lower-case letters, digits and hyphens.
  name: 'images',
  // Bytes, which are divided by 255 before the first layer.
  inputType: 'uint8',
  // Classes. For values to predict: meanSquaredError, and no softmax at the end.
  loss: 'sparseCategoricalCrossentropy',
  // A list of layers, or a LayersModel of TensorFlow.js.
  model: [
    { type: 'input', name: 'image', shape: [SIZE, SIZE, 3] },
    { type: 'conv2d', name: 'conv_1', filters: 16, kernelSize: 3, activation: 'relu' },
    { type: 'max-pooling2d', name: 'pool_1', poolSize: 2 },
    { type: 'conv2d', name: 'conv_2', filters: 32, kernelSize: 3, activation: 'relu' },
    { type: 'max-pooling2d', name: 'pool_2', poolSize: 2 },
    { type: 'flatten', name: 'flat' },
    { type: 'dense', name: 'hidden', units: 64, activation: 'relu' },
    { type: 'dense', name: 'classes', units: classNames.length, activation: 'softmax' },
  ],
  // Opens the data, once in every process. All images are kept in memory.
  async dataset() {
    // In an order that is the same on every machine and has the classes mixed: the last ones are held out for validation.
    const files = classNames
      .flatMap((name) => readdirSync(`${FOLDER}${name}`).map((file) => `${name}/${file}`))
      .map((file) => ({ file, key: createHash('sha256').update(file).digest('hex') }))
      .sort((one, other) => (one.key < other.key ? -1 : 1))
      .map(({ file }) => file);
    const images = await Promise.all(
      files.map(async (file) => ({
        pixels: await readImage(`${FOLDER}${file}`, SIZE),
        label: classNames.findIndex((name) => file.startsWith(`${name}/`)),
      })),
    );
    // Every fifth image is for the test.
    const samples = {
      train: images.filter((_, index) => index % 5 !== 0),
      test: images.filter((_, index) => index % 5 === 0),
    };
    // Workers compare it, so that all of them train on the same data.
    const digest = createHash('sha256');
    for (const file of files) digest.update(file).update(readFileSync(`${FOLDER}${file}`));
    return {
      trainCount: samples.train.length,
      testCount: samples.test.length,
      classNames,
      fingerprint: digest.digest('hex'),
      // Writes one sample into `input` and returns its label. It must give the same whenever it is asked.
      read(split, index, input) {
        const sample = samples[split][index];
        if (sample === undefined) throw new RangeError(`there is no image ${index}`);
        input.set(sample.pixels);
        return sample.label;
      },
    };
  },
  // Any settings of docs/configuration.md. The command line's have the last word.
  settings: { epochs: 20, globalBatchSize: 32, validationSplit: 0.2, optimizer: { name: 'adam', learningRate: 0.001 } },
});
