import { describe, expect, it } from 'vitest';
import { confusionChart } from './confusion-chart.ts';
import { decoded } from './decoded.fixture.ts';
import { pngOf } from './png.ts';

const figures = {
  title: 'a run: test',
  subtitle: '70.00 % of 40 images right',
  classNames: ['cat', 'dog', 'horizontal stripes'],
  counts: [
    [19, 1, 0],
    [10, 9, 1],
    [0, 0, 0],
  ],
};

describe('confusionChart', () => {
  it('names the classes on both axes and writes every count', () => {
    const svg = confusionChart(figures);
    const texts = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, words]) => words);
    for (const words of ['true', 'predicted', figures.title, figures.subtitle]) expect(texts).toContain(words);
    for (const name of figures.classNames) expect(texts.filter((words) => words === name)).toHaveLength(2);
    expect(texts.filter((words) => ['19', '10', '9', '1'].includes(words!))).toHaveLength(5);
    // A class without samples was not recognised wrongly: its bar is just empty.
    expect(texts.filter((words) => words!.endsWith(' %'))).toEqual(['95.0 %', '45.0 %', '0.0 %']);
  });

  it('shades a cell by its share of the row', async () => {
    const svg = confusionChart(figures);
    const picture = await decoded(pngOf(svg));
    // 95 %, 50 % and 45 % of a row.
    const shades = [...svg.matchAll(/<path d="M[^"]*" fill="rgb\((\d+),(\d+),(\d+)\)" stroke="#e3e6ea"/g)].map(
      ([, red]) => Number(red),
    );
    expect(shades).toHaveLength(9);
    expect(shades[0]).toBeLessThan(60);
    expect(shades[3]).toBeLessThan(shades[4]!);
    expect(shades[4]).toBeLessThan(shades[1]!);
    expect(shades[8]).toBe(255);
    expect(picture.count('#1f5fbf')).toBeGreaterThan(1000);
  });
});
