/** What is to be recognised, in label order: six shapes, then four textures that fill a round or square window. */
export const SYNTHETIC_CLASS_NAMES = [
  'disc',
  'ring',
  'square',
  'triangle',
  'cross',
  'blob',
  'horizontal stripes',
  'vertical stripes',
  'diagonal stripes',
  'checkerboard',
] as const;

/** How a figure of a textured class is drawn. */
export interface Texture {
  /** Half as long as the figure is wide, in pixels. */
  readonly radius: number;
  /** Textures only: the window is a disc, not a square. */
  readonly round: boolean;
  readonly period: number;
  readonly phase: number;
  /** Diagonal stripes only: from the lower left to the upper right. */
  readonly rising: boolean;
}

/**
 * How much of the pixel at (x, y), in pixels from the figure's centre, a figure of class `label` covers: 0 to 1, soft at
 * the edges. One function with a switch: a table of functions would put every number it passes on the heap.
 */
export function coverage(label: number, x: number, y: number, texture: Texture): number {
  const { radius } = texture;
  switch (SYNTHETIC_CLASS_NAMES[label]!) {
    case 'disc':
      return inside(radius - Math.sqrt(x * x + y * y));
    case 'ring':
      return inside(0.22 * radius - Math.abs(Math.sqrt(x * x + y * y) - 0.78 * radius));
    case 'square':
      return inside(0.88 * radius - Math.max(Math.abs(x), Math.abs(y)));
    case 'triangle':
      // Equilateral, pointing up.
      return inside(0.55 * radius - Math.max(SIN_60 * Math.abs(x) - 0.5 * (y - 0.1 * radius), y - 0.1 * radius));
    case 'cross': {
      const long = Math.max(Math.abs(x), Math.abs(y));
      const short = Math.min(Math.abs(x), Math.abs(y));
      return inside(Math.min(radius - long, 0.3 * radius - short));
    }
    case 'blob': {
      // A disc without an edge.
      const rest = Math.max(0, 1 - (x * x + y * y) / (1.7 * radius * radius));
      return rest * rest;
    }
    case 'horizontal stripes':
      return window(x, y, texture) * (0.5 + 0.5 * wave(y, texture));
    case 'vertical stripes':
      return window(x, y, texture) * (0.5 + 0.5 * wave(x, texture));
    case 'diagonal stripes':
      return window(x, y, texture) * (0.5 + 0.5 * wave((texture.rising ? x + y : x - y) * SQRT_HALF, texture));
    case 'checkerboard':
      return window(x, y, texture) * (0.5 + 0.5 * wave(x, texture) * wave(y, texture));
  }
}

/** The label from which on the classes are textures. */
export const FIRST_TEXTURE = 6;
const SIN_60 = 0.8660254037844386;
const SQRT_HALF = 0.7071067811865476;

/** The coverage of a pixel whose centre lies `depth` pixels inside an edge. */
function inside(depth: number): number {
  return Math.min(1, Math.max(0, depth + 0.5));
}

/** The part of the image that a texture fills. */
function window(x: number, y: number, { radius, round }: Texture): number {
  return inside(radius - (round ? Math.sqrt(x * x + y * y) : Math.max(Math.abs(x), Math.abs(y))));
}

/** A wave between -1 and 1 along `position`: flat on its crests and a pixel wide at its edges. */
function wave(position: number, { period, phase }: Texture): number {
  const turns = position / period + phase;
  const toEdge = (Math.abs(turns - Math.floor(turns) - 0.5) * 2 - 0.5) * (period / 2);
  return Math.min(1, Math.max(-1, 2 * toEdge));
}
