import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { decoded } from '@convoy/pictures/decoded.fixture';
import { tileOrigin } from '@convoy/pictures/image-grid';
import { ZOOM } from '@convoy/pictures/png';
import { openConfigured } from '@convoy/cifar10/locate';
import { syntheticConfig } from '@convoy/cifar10/datasets';
import type { OfferedModel } from '@convoy/dashboard/replay/offered-model';
import { openBrowser, type BrowserTab } from '../support/browser.ts';
import { findChromium } from '../support/chromium.ts';
import { Convoy, convoy, summaryOf, temporaryFolder } from '../support/convoy.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const DATA = ['--dataset', 'synthetic', '--synthetic-size', '200'];
const dataset = await openConfigured(syntheticConfig({ syntheticSize: 200 }), { environment: {} });
const run = join(folder.path, 'run');

interface Evaluated {
  readonly checkpoint: string | null;
  readonly accuracy: number;
  readonly confusion: readonly (readonly number[])[];
  readonly files: readonly string[];
}

interface LayersModelFile {
  readonly userDefinedMetadata: { readonly step: number };
  readonly weightsManifest: readonly [{ readonly paths: readonly string[] }];
}

/** On however busy a machine. */
const SOON = { timeout: 60_000 };

interface Predicted {
  readonly step: number;
  readonly predictions: readonly {
    readonly image: string;
    readonly truth: string | null;
    readonly top: readonly { readonly class: string; readonly probability: number }[];
  }[];
}

/** Pixels of one image of the data set, and its class. */
function sample(split: 'train' | 'test', index: number) {
  const pixels = new Uint8Array(32 * 32 * 3);
  return { pixels, label: dataset.read(split, index, pixels, 0) };
}

let summary: ReturnType<typeof summaryOf>;
beforeAll(async () => {
  const shape = ['--steps', '6', '--batch-size', '64', '--micro-batch', '64', '--seed', '7'];
  summary = summaryOf(await convoy(['train', '--single', ...DATA, ...shape, '--json', '--run-dir', run]));
});

describe('a run that has ended', () => {
  it('has its history as a picture, and convoy history draws and prints the same', async () => {
    const svg = readFileSync(join(run, 'history.svg'), 'utf8');
    expect(svg).toContain('>validation</text>');
    expect((await decoded(join(run, 'history.png'))).width).toBe(1920);
    expect(readFileSync(join(run, 'report.html'), 'utf8')).toContain('id="saved-run"');

    const { code, stdout } = await convoy(['history', run, '--json']);
    expect(code).toBe(0);
    const history = JSON.parse(stdout) as { epochs: { epoch: number }[]; files: string[] };
    expect(history.epochs.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(history.files).toEqual([join(run, 'history.svg'), join(run, 'history.png')]);
    expect(readFileSync(history.files[0]!, 'utf8')).toBe(svg);
  });
});

describe('convoy predict', () => {
  const predict = (...args: string[]) => convoy(['predict', '--run', run, ...args]);

  it('takes one image file for what the same pixels of the data set are taken for, with any parameters of the run', async () => {
    const file = join(folder.path, 'sample.png');
    await sharp(sample('test', 3).pixels, { raw: { width: 32, height: 32, channels: 3 } })
      .png()
      .toFile(file);
    const { code, stdout, stderr } = await predict(file, '--index', '3', '--top', '10', '--threads', '1', '--json');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const { predictions, step } = JSON.parse(stdout) as Predicted;
    expect(step).toBe(6);
    expect(predictions.map(({ image, truth }) => [image, truth])).toEqual([
      [file, null],
      ['test 3', dataset.classNames[sample('test', 3).label]],
    ]);
    expect(predictions[0]!.top).toEqual(predictions[1]!.top);
    const probabilities = predictions[0]!.top.map(({ probability }) => probability);
    expect(probabilities).toEqual(probabilities.toSorted((a, b) => b - a));
    expect(probabilities.reduce((sum, probability) => sum + probability, 0)).toBeCloseTo(1, 12);

    const checkpoint = await predict(file, '--checkpoint', 'step-00000006', '--top', '10', '--threads', '1', '--json');
    expect((JSON.parse(checkpoint.stdout) as Predicted).predictions[0]!.top).toEqual(predictions[0]!.top);
  });

  it('says a line for each file that is no image, predicts the others, and ends with the code for data', async () => {
    const text = join(folder.path, 'text.png');
    writeFileSync(text, 'no image');
    const { code, stdout, stderr } = await predict(text, join(folder.path, 'gone.jpg'), '--index', '0');
    expect(code).toBe(3);
    expect(stderr.split('\n')).toEqual([
      `${text} is no image that can be read: give a PNG, JPEG or WebP file`,
      `can't read ${join(folder.path, 'gone.jpg')}: there is no such file or folder (ENOENT); check the name`,
    ]);
    expect(stdout).toMatch(/^test 0 \([a-z ]+\): (?:[a-z ]+ [\d.]+ %(?:, )?){3}\n$/);
  });

  it('says which checkpoints there are when there is none of that name', async () => {
    const { code, stderr } = await predict('--index', '0', '--checkpoint', 'step-00000005');
    expect(code).toBe(3);
    expect(stderr).toMatch(/no checkpoint in .* is called step-00000005: there are step-/);
  });
});

describe('the page of a run', () => {
  let page: Convoy;
  let url: string;
  beforeAll(async () => {
    page = new Convoy(['dashboard', run]);
    await vi.waitFor(() => expect(page.saidOnStdout()).toMatch(/^http:\S+\n/), SOON);
    url = page.saidOnStdout().trim();
  });
  afterAll(async () => {
    page.process.kill('SIGTERM');
    await page.finished;
  });

  it('offers the best model so far as TensorFlow.js opens it, whole or not at all', async () => {
    const offered = (await (await fetch(`${url}v1/model`)).json()) as OfferedModel;
    const listed = await convoy(['checkpoints', run, '--json']);
    const { checkpoints } = JSON.parse(listed.stdout) as { checkpoints: { name: string; isBest: boolean }[] };
    expect(checkpoints.find(({ isBest }) => isBest)!.name).toBe(offered.checkpoint);
    expect(offered).toMatchObject({ isBest: true, classNames: dataset.classNames, size: 32, channels: 3 });
    const model = (await (await fetch(`${url}v1/model/${offered.checkpoint}/model.json`)).json()) as LayersModelFile;
    expect(model.userDefinedMetadata.step).toBe(offered.step);
    const [{ paths }] = model.weightsManifest;
    const weights = await fetch(`${url}v1/model/${offered.checkpoint}/${paths[0]}`);
    expect((await weights.arrayBuffer()).byteLength).toBe(offered.bytes);
    for (const path of ['step-00000001/model.json', `${offered.checkpoint}/state.json`, '..%2f..%2fx/model.json']) {
      expect([path, (await fetch(`${url}v1/model/${path}`)).status]).toEqual([path, 404]);
    }
    const other = checkpoints.find(({ name }) => name !== offered.checkpoint)!.name;
    const file = join(run, 'checkpoints', other, 'parameters.bin');
    const whole = readFileSync(file);
    writeFileSync(file, Buffer.concat([whole.subarray(0, -1), Buffer.of(whole.at(-1)! ^ 1)]));
    expect((await fetch(`${url}v1/model/${other}/model.json`)).status).toBe(404);
    writeFileSync(file, whole);
    expect((await fetch(`${url}v1/model/${other}/model.json`)).status).toBe(200);
  });

  it('takes a picture for what convoy predict takes it for, in the browser', async () => {
    const chromium = findChromium();
    if (chromium === null) return console.log('NOT CHECKED: a model on the page, for there is no Chromium here');
    const exact = join(folder.path, 'exact.png');
    await sharp(sample('test', 5).pixels, { raw: { width: 32, height: 32, channels: 3 } })
      .png()
      .toFile(exact);
    // Wide, turned by its EXIF orientation, in part transparent.
    const photo = join(folder.path, 'photo.webp');
    const drawing = `<svg width="640" height="421"><circle cx="300" cy="210" r="150" fill="#c33"/>${Array.from(
      { length: 40 },
      (_, n) => `<rect x="${16 * n}" y="${(37 * n) % 380}" width="11" height="40" fill="hsl(${9 * n},60%,50%)"/>`,
    ).join('')}</svg>`;
    await sharp(Buffer.from(drawing)).withMetadata({ orientation: 6 }).webp({ lossless: true }).toFile(photo);
    const tab = await openBrowser(chromium);
    try {
      for (const picture of [exact, photo]) {
        // Anew: what is shown of a picture is of this one.
        await tab.open('about:blank');
        await tab.open(url);
        await expect.poll(() => tab.evaluate('document.querySelector(".try") !== null'), SOON).toBe(true);
        const loaded =
          'performance.getEntriesByType("resource").filter(({ name }) => name.includes("try-model-")).length';
        expect(await tab.evaluate(loaded)).toBe(0);
        await choose(tab, picture);
        const shown = () =>
          tab.evaluate<readonly string[]>(
            `[...document.querySelectorAll('.bars li')].map(({ innerText }) => innerText.replaceAll('\\n', ' '))`,
          );
        await expect.poll(shown, SOON).toHaveLength(5);
        await expect.poll(() => tab.evaluate('document.querySelector(".answer").ariaBusy'), SOON).toBe('false');
        const { stdout } = await convoy([
          'predict',
          '--run',
          run,
          picture,
          '--checkpoint',
          'best',
          '--top',
          '10',
          '--json',
        ]);
        const expected = new Map(
          (JSON.parse(stdout) as Predicted).predictions[0]!.top.map((each) => [each.class, each.probability]),
        );
        const answered = (await shown()).map((line) => /^(.*) ([\d.]+) %$/.exec(line)!);
        for (const [, name, percentage] of answered) {
          expect([picture, name, Math.abs(Number(percentage) / 100 - expected.get(name!)!) < 1e-3]).toEqual([
            picture,
            name,
            true,
          ]);
        }
        expect(answered[0]![1]).toBe([...expected.keys()][0]);
      }
      expect(tab.faults).toEqual([]);
    } finally {
      await tab.close();
    }
  });
});

/** As somebody chooses a file on the page. */
async function choose(tab: BrowserTab, file: string): Promise<void> {
  const { root } = (await tab.send('DOM.getDocument')) as { readonly root: { readonly nodeId: number } };
  const found = await tab.send('DOM.querySelector', { nodeId: root.nodeId, selector: '.try input[type=file]' });
  await tab.send('DOM.setFileInputFiles', { files: [file], ...(found as { readonly nodeId: number }) });
}

describe('convoy evaluate', () => {
  it("counts every test sample once, as many right as the run's own test says, and draws it", async () => {
    const { code, stdout } = await convoy(['evaluate', '--run', run, '--checkpoint', 'newest', '--json']);
    expect(code).toBe(0);
    const { checkpoint, accuracy, confusion, files } = JSON.parse(stdout) as Evaluated;
    expect(checkpoint).toBe('step-00000006');
    expect(accuracy).toBe(summary.testAccuracy);
    const byLabel = new Array<number>(10).fill(0);
    for (let index = 0; index < 40; index++) byLabel[sample('test', index).label]!++;
    expect(confusion.map((row) => row.reduce((sum, count) => sum + count, 0))).toEqual(byLabel);
    const right = confusion.reduce((sum, row, label) => sum + row[label]!, 0);
    expect(right / 40).toBe(accuracy);
    expect(files).toEqual(['svg', 'png'].map((kind) => join(run, `confusion-test-step-6.${kind}`)));
    expect((await decoded(files[1]!)).count('#ffffff')).toBeGreaterThan(1000);
  });

  it('prints a table with the accuracy of each class, and draws where it is asked to', async () => {
    const out = join(folder.path, 'confusion.svg');
    const { code, stdout } = await convoy([
      'evaluate',
      '--run',
      run,
      '--checkpoint',
      'best',
      '--split',
      'validation',
      '--out',
      out,
    ]);
    expect(code).toBe(0);
    const [figures, , head, ...rows] = stdout.trimEnd().split('\n');
    expect(figures).toMatch(/^validation accuracy [\d.]+ %, loss [\d.]+ over 30 samples, after [36] steps$/);
    expect(head).toMatch(/^ +disc .* accuracy$/);
    expect(rows).toHaveLength(10);
    expect(readFileSync(out, 'utf8')).toContain('>predicted</text>');
  });
});

describe('convoy show', () => {
  it("paints the data set's own pixels, in the order of the split", async () => {
    const out = join(folder.path, 'grid.png');
    const args = ['--split', 'validation', '--count', '7', '--start', '2', '--out', out];
    const { code, stderr } = await convoy(['show', ...DATA, ...args]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const picture = await decoded(out);
    // The lesson holds the last 15 % of the training samples out.
    const { pixels } = sample('train', 170 + 2 + 6);
    const { x, y } = tileOrigin(6, { size: 32, columns: 5 });
    const magnification = 3 * ZOOM;
    for (const [row, column] of [
      [0, 0],
      [13, 21],
      [31, 31],
    ] as const) {
      const at = 3 * (32 * row + column);
      const center = (start: number, n: number) => start * ZOOM + n * magnification + magnification / 2;
      expect(picture.pixel(center(x, column), center(y, row))).toEqual([...pixels.subarray(at, at + 3)]);
    }
  });

  it('takes the data of a run that is named, and no other beside it', async () => {
    const [ofData, ofRun] = ['data.png', 'run.png'].map((name) => join(folder.path, name)) as [string, string];
    expect((await convoy(['show', ...DATA, '--count', '3', '--out', ofData])).code).toBe(0);
    expect((await convoy(['show', run, '--count', '3', '--out', ofRun])).code).toBe(0);
    expect(readFileSync(ofRun)).toEqual(readFileSync(ofData));
    const { code, stderr } = await convoy(['show', run, ...DATA, '--out', ofRun]);
    expect(stderr).toContain(`${run} has its own data: leave --dataset out`);
    expect(code).toBe(2);
  });

  it('says in a line that there are not so many images, and writes nothing', async () => {
    const out = join(folder.path, 'none.png');
    const { code, stderr } = await convoy(['show', ...DATA, '--split', 'test', '--start', '30', '--out', out]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/test has 40 samples, numbered from 0: there is none 40/);
    expect(existsSync(out)).toBe(false);
  });
});
