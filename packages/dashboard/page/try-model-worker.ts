// Beside the page, on a thread of its own: TensorFlow.js, and a run's model. It computes with plain JavaScript, whose figures are those of
// the run to the last digits; WebAssembly would need a laxer policy, and a graphics card may round to half the digits.
import '@tensorflow/tfjs-backend-cpu';
import { tensor, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { loadLayersModel, type LayersModel } from '@tensorflow/tfjs-layers';
import { coverSquare, type Raster } from '../src/picture/cover-square.ts';
import type { Answer, Question } from './try-model-messages.ts';

/** Of a picture: browsers have no room for much larger ones. */
const MOST_PIXELS = 50_000_000;
/** How much red, green and blue are in grey: the luma of ITU-R BT.601, as for `convoy predict`. */
const LUMA = [0.299, 0.587, 0.114] as const;

const page = globalThis as unknown as Worker;
let loaded: { readonly address: string; readonly model: Promise<LayersModel> } | null = null;

page.onmessage = ({ data }: MessageEvent<Question>) => {
  answer(data).then(
    (said) => page.postMessage(said),
    (error: Error) => page.postMessage({ id: data.id, fault: error.message } satisfies Answer),
  );
};

async function answer({ id, address, picture, size, channels }: Question): Promise<Answer> {
  const rgb = coverSquare(await pixelsOf(picture), size).data;
  const samples = channels === 3 ? rgb : greyOf(rgb);
  const model = await modelAt(address);
  const output = tidy(() => {
    const input = tensor(
      Float32Array.from(samples, (value) => value / 255),
      [1, size, size, channels],
    );
    return model.predict(input) as Tensor;
  });
  const probabilities = Array.from(await output.data());
  output.dispose();
  return { id, probabilities, seen: shown(samples, channels) };
}

/** The model at that address: the one that was asked last is kept. */
async function modelAt(address: string): Promise<LayersModel> {
  if (loaded?.address !== address) {
    void loaded?.model.then((model) => model.dispose()).catch(() => {});
    loaded = { address, model: loadLayersModel(address) };
  }
  try {
    return await loaded.model;
  } catch {
    loaded = null;
    throw new Error('The model can’t be loaded: the run may have removed this checkpoint meanwhile.');
  }
}

/** Upright, and on white where it is transparent. */
async function pixelsOf(picture: Blob): Promise<Raster> {
  const bitmap = await createImageBitmap(picture).catch(() => {
    throw new Error('This is no picture that the browser can read.');
  });
  const { width, height } = bitmap;
  if (width * height > MOST_PIXELS) throw new Error(`This picture has ${width} × ${height} pixels: make it smaller.`);
  const context = new OffscreenCanvas(width, height).getContext('2d')!;
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const rgb = new Uint8Array(3 * width * height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) rgb[3 * pixel + channel] = data[4 * pixel + channel]!;
  }
  return { width, height, channels: 3, data: rgb };
}

function greyOf(rgb: Raster['data']): Uint8Array {
  const [red, green, blue] = LUMA;
  return Uint8Array.from({ length: rgb.length / 3 }, (_, n) =>
    Math.round(red * rgb[3 * n]! + green * rgb[3 * n + 1]! + blue * rgb[3 * n + 2]!),
  );
}

function shown(samples: Raster['data'], channels: 1 | 3): Uint8ClampedArray<ArrayBuffer> {
  const pixels = samples.length / channels;
  const result = new Uint8ClampedArray(4 * pixels).fill(255);
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      result[4 * pixel + channel] = samples[pixel * channels + (channels === 3 ? channel : 0)]!;
    }
  }
  return result;
}
