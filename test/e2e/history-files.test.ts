import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { installedPeerPython } from '../bench/peers.ts';
import { convoy, eventsOf, temporaryFolder } from '../support/convoy.ts';
import { SHAPES } from '../support/workloads.ts';

const folder = temporaryFolder();
afterAll(folder.remove);
const pathOf = (name: string) => join(folder.path, name);
const run = pathOf('run');
const figuresOf = (type: 'step' | 'evaluated') =>
  eventsOf(run).flatMap((event) => (event.type === type ? [[event.step, event.loss]] : []));

beforeAll(async () => {
  // Interrupted after a checkpoint by its number of steps, and made longer: two processes wrote its log.
  const train = await convoy(['train', '--single', ...SHAPES, '--steps', '10', '--run-dir', run]);
  const longer = await convoy(['resume', run, '--single', ...SHAPES, '--steps', '14']);
  expect([train.code, longer.code], longer.stderr).toEqual([0, 0]);
  const written = await convoy(['history', run, '--csv', pathOf('steps.csv'), '--tensorboard', pathOf('logs')]);
  expect(written.code).toBe(0);
});

it('history --csv has a row per step and evaluation', () => {
  const [head, ...rows] = readFileSync(pathOf('steps.csv'), 'utf8').trim().split('\n');
  const columns = head!.split(',');
  const cells = rows.map((row) => Object.fromEntries(row.split(',').map((cell, column) => [columns[column], cell])));
  const losses = (what: RegExp) =>
    cells.filter((row) => what.test(row['what']!)).map((row) => [Number(row['step']), Number(row['loss'])]);
  expect(losses(/^step$/)).toEqual(figuresOf('step'));
  expect(losses(/^validation$/).length).toBeGreaterThanOrEqual(2);
});

const READER = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
log = EventAccumulator(sys.argv[1], size_guidance={'scalars': 0, 'images': 0, 'histograms': 0})
log.Reload()
images = {tag: [[e.step, e.width, e.height] for e in log.Images(tag)] for tag in log.Tags()['images']}
histograms = {tag: [[e.step, sum(e.histogram_value.bucket)] for e in log.Histograms(tag)] for tag in log.Tags()['histograms']}
print(json.dumps({'tags': log.Tags()['scalars'], 'loss': [[e.step, e.value] for e in log.Scalars('loss')],
  'images': images, 'histograms': histograms}))`;

const python = [process.env['CONVOY_TENSORBOARD_PYTHON'], installedPeerPython(), 'python3'].find(
  (each) => each != null && spawnSync(each, ['-c', 'import tensorboard'], { stdio: 'ignore' }).status === 0,
);

it("history --tensorboard has what TensorBoard's own reader reads", () => {
  if (python == null) {
    console.info('NOT CHECKED: what TensorBoard reads, for no Python has it: name one in CONVOY_TENSORBOARD_PYTHON');
    return;
  }
  const read = (name: string) =>
    JSON.parse(execFileSync(python, ['-c', READER, join(pathOf('logs'), name)], { encoding: 'utf8' })) as {
      readonly tags: readonly string[];
      readonly loss: readonly (readonly [number, number])[];
      readonly images: Readonly<Record<string, readonly (readonly [number, number, number])[]>>;
      readonly histograms: Readonly<Record<string, readonly (readonly [number, number])[]>>;
    };
  const { tags, loss, images, histograms } = read('train');
  expect(tags).toEqual(expect.arrayContaining(['accuracy', 'learning_rate', 'gradient_norm', 'samples_per_second']));
  const float32 = (figures: readonly (readonly (number | undefined)[])[]) =>
    figures.map(([step, value]) => [step, Math.fround(value!)]);
  expect(loss).toEqual(float32(figuresOf('step')));
  // Eight filters of 3 × 3 pixels; the kernels of both layers with their biases, and what the normalisation trains.
  const validated = eventsOf(run).flatMap((event) => (event.type === 'filters' ? [event.step] : []));
  expect(images).toEqual({ 'conv/filters': validated.map((step) => [step, 8 * 40 - 4, 36]) });
  const weights = { 'conv/weights': 72, 'norm/weights': 16, 'classes/weights': 387 };
  expect(histograms).toEqual(
    Object.fromEntries(Object.entries(weights).map(([tag, count]) => [tag, validated.map((step) => [step, count])])),
  );
  const validation = read('validation');
  expect(validation.loss.length).toBeGreaterThanOrEqual(2);
  expect(Object.keys(validation.images).sort()).toEqual(['confusion', 'worst_mistakes']);
});
