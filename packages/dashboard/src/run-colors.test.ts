import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

type Triple = readonly [number, number, number];
type Matrix = readonly [Triple, Triple, Triple];

/** Machado, Oliveira and Fernandes, 2009: what is seen without one kind of cone, in linear sRGB. */
const SIGHTS: Readonly<Record<string, Matrix>> = {
  all: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  'no red': [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  'no green': [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  'no blue': [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** https://bottosson.github.io/posts/oklab: distances in it are those that people see. */
const TO_CONES: Matrix = [
  [0.4122214708, 0.5363325363, 0.0514459929],
  [0.2119034982, 0.6806995451, 0.1073969566],
  [0.0883024619, 0.2817188376, 0.6299787005],
];
const TO_LAB: Matrix = [
  [0.2104542553, 0.793617785, -0.0040720468],
  [1.9779984951, -2.428592205, 0.4505937099],
  [0.0259040371, 0.7827717662, -0.808675766],
];

const css = readFileSync(new URL('../page/page.css', import.meta.url), 'utf8');
const themes = [...css.matchAll(/^:root[^{]*\{[^}]*--run-1[^}]*\}/gm)].map(([block]) => block);

test('the curves of six runs can be told apart in both themes, by people who see all colours and by those who do not', () => {
  expect(themes).toHaveLength(2);
  for (const theme of themes) {
    const runs = colorsIn(theme, /--run-\d: (#\w{6})/g);
    const [card] = colorsIn(theme, /--card: (#\w{6})/g);
    expect(runs).toHaveLength(6);
    for (const color of runs) expect(contrast(color, card!)).toBeGreaterThanOrEqual(3);
    for (const [sight, matrix] of Object.entries(SIGHTS)) {
      const seen = runs.map((color) => labOf(times(matrix, color)));
      const least = Math.min(...seen.flatMap((a, i) => seen.slice(0, i).map((b) => distance(a, b))));
      expect([sight, least > 0.12]).toEqual([sight, true]);
    }
  }
});

function colorsIn(text: string, pattern: RegExp): readonly Triple[] {
  return [...text.matchAll(pattern)].map(([, hex]) => {
    const [red, green, blue] = [1, 3, 5].map((at) => linear(parseInt(hex!.slice(at, at + 2), 16) / 255));
    return [red!, green!, blue!];
  });
}

function linear(value: number): number {
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

function times(matrix: Matrix, [x, y, z]: Triple): Triple {
  const [a, b, c] = matrix.map(([p, q, r]) => p * x + q * y + r * z);
  return [a!, b!, c!];
}

function labOf(color: Triple): Triple {
  const [red, green, blue] = color.map((value) => Math.min(1, Math.max(0, value)));
  const [l, m, s] = times(TO_CONES, [red!, green!, blue!]).map(Math.cbrt);
  return times(TO_LAB, [l!, m!, s!]);
}

function distance(a: Triple, b: Triple): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(a: Triple, b: Triple): number {
  const [dark, light] = [a, b].map(([r, g, bl]) => 0.2126 * r + 0.7152 * g + 0.0722 * bl).sort((x, y) => x - y);
  return (light! + 0.05) / (dark! + 0.05);
}
