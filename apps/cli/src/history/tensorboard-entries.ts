import { countedAndPictured, type PicturedEvent } from '@convoy/convoy/history';
import type { TensorboardEntry, TensorboardImage } from '@convoy/export/tensorboard';
import type { RunEvent, ShownPrediction } from '@convoy/protocol/run-events';
import { confusionChart } from '@convoy/pictures/confusion-chart';
import { pixelsOfPng } from '@convoy/pictures/image-file';
import { imageGrid, type Tile } from '@convoy/pictures/image-grid';
import { pngOf, sizeOfPng } from '@convoy/pictures/png';
import { filterMosaic } from '@convoy/pictures/filter-mosaic';
import { percent } from '@convoy/protocol/metric';

type Predictions = Extract<RunEvent, { readonly type: 'predictions' }>;
type SampleImage = Extract<RunEvent, { readonly type: 'sample-image' }>;

/** A chart of more classes is larger than TensorBoard shows it. */
const MOST_CLASSES = 40;
const COLUMNS = 4;
/** Smaller images are shown at twice their size, so that the words under them have room. */
const SMALL = 40;
/** Validations that are drawn of every doubling of their number: TensorBoard shows ten pictures of a kind. */
const DRAWN_EACH_DOUBLING = 8;

/**
 * What TensorBoard is shown of a run, in the order in which it happened: figures, histograms of weights, and pictures. What a run that goes
 * on adds comes behind what it had before, where TensorBoard reads on.
 */
export async function tensorboardEntries(events: readonly RunEvent[]): Promise<readonly TensorboardEntry[]> {
  const images = new Map(
    events.flatMap((event) => (event.type === 'sample-image' ? [[`${event.purpose} ${event.index}`, event]] : [])),
  );
  const seen = new Map<string, number>();
  const entries: TensorboardEntry[] = [];
  for (const event of countedAndPictured(events)) {
    if (event.type === 'step' || event.type === 'epoch-ended' || event.type === 'evaluated') {
      entries.push(event);
      continue;
    }
    if (event.type === 'layers') {
      entries.push(...histogramsOf(event));
      continue;
    }
    const kind = event.type === 'filters' ? 'filters' : event.purpose;
    const number = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, number);
    if (!isDrawn(number)) continue;
    if (event.type === 'filters') entries.push(filtersOf(event));
    else entries.push(...(await picturesOf(event, images)));
  }
  return entries;
}

/** All of the first, then ever fewer. @param number of an evaluation, from 1. */
function isDrawn(number: number): boolean {
  return number % 2 ** Math.max(0, Math.floor(Math.log2(number / DRAWN_EACH_DOUBLING))) === 0;
}

function histogramsOf({ at, step, layers }: Extract<PicturedEvent, { type: 'layers' }>): readonly TensorboardEntry[] {
  return layers.flatMap(({ name, histogram }) =>
    histogram === undefined
      ? []
      : [{ type: 'histogram', folder: 'train', at, step, tag: `${name}/weights`, ...histogram } as const],
  );
}

function filtersOf({ at, step, layer, ...filters }: Extract<PicturedEvent, { type: 'filters' }>): TensorboardImage {
  const mosaic = filterMosaic({ ...filters, pixels: Buffer.from(filters.pixels, 'base64') });
  return { type: 'image', folder: 'train', at, step, tag: `${layer}/filters`, ...mosaic };
}

async function picturesOf(event: Predictions, images: ReadonlyMap<string, SampleImage>): Promise<TensorboardImage[]> {
  const { at, step, purpose, confusion, worst } = event;
  const pictures: TensorboardImage[] = [];
  const add = (tag: string, svg: string) => {
    const png = pngOf(svg);
    pictures.push({ type: 'image', folder: purpose, at, step, tag, ...sizeOfPng(png), png });
  };
  if (confusion !== null && 'counts' in confusion && confusion.classes.length <= MOST_CLASSES) {
    const { classes: classNames, counts } = confusion;
    add(
      'confusion',
      confusionChart({ title: `Confusion, ${purpose}`, subtitle: `after step ${step}`, classNames, counts }),
    );
  }
  const shown = worst.flatMap((prediction) => {
    const image = images.get(`${purpose} ${prediction.index}`);
    return image === undefined ? [] : [{ prediction, image }];
  });
  if (shown.length > 0) {
    const { width } = shown[0]!.image;
    const factor = width <= SMALL ? 2 : 1;
    const tiles = await Promise.all(shown.map(({ prediction, image }) => tileOf(prediction, image, factor)));
    add('worst_mistakes', await imageGrid(tiles, { size: factor * width, columns: COLUMNS }));
  }
  return pictures;
}

async function tileOf({ truth, top, values }: ShownPrediction, { png }: SampleImage, factor: number): Promise<Tile> {
  const pixels = await pixelsOfPng(Buffer.from(png, 'base64'), factor);
  const said = top?.[0] === undefined ? (values ?? []).join(', ') : `${top[0].class} ${percent(top[0].probability)}`;
  return { pixels, label: `${typeof truth === 'string' ? truth : truth.join(', ')} → ${said}` };
}
