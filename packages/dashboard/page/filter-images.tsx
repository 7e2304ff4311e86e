import { useLayoutEffect, useRef } from 'preact/hooks';
import type { ShownFilters } from '../src/replay/layers.ts';
import { figure } from './text.ts';

/** The first layer's filters, each as a small picture. */
export function FilterImages({ filters }: { readonly filters: ShownFilters }) {
  const { layer, width, height, channels, total, count, low, high, pixels } = filters;
  const bytes = Uint8Array.from(atob(pixels), (character) => character.charCodeAt(0));
  const size = width * height * channels;
  const shades = channels === 3 ? 'Each colour is dark' : 'Black';
  return (
    <figure class="filters">
      <div
        role="img"
        aria-label={`The ${count} filters of ${layer}, ${width} by ${height} pixels each, with weights from ${figure(low)} to ${figure(high)}`}
      >
        {Array.from({ length: count }, (_, n) => (
          <Filter key={n} {...{ width, height, channels }} bytes={bytes.subarray(n * size, (n + 1) * size)} />
        ))}
      </div>
      <figcaption>
        {count < total ? `${count} of ${total}` : count} filters of {layer}, {width} × {height}. {shades} at{' '}
        {figure(low)}, {channels === 3 ? 'bright' : 'white'} at {figure(high)}.
      </figcaption>
    </figure>
  );
}

interface FilterProps {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly bytes: Uint8Array;
}

function Filter({ width, height, channels, bytes }: FilterProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const image = new ImageData(width, height);
    for (let pixel = 0; pixel < width * height; pixel++) {
      for (let c = 0; c < 3; c++) image.data[4 * pixel + c] = bytes[channels * pixel + (channels === 3 ? c : 0)]!;
      image.data[4 * pixel + 3] = 255;
    }
    canvas.current!.getContext('2d')!.putImageData(image, 0, 0);
  });
  return <canvas ref={canvas} width={width} height={height} />;
}
